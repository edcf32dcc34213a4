// greeter is a gRPC server: one call of each kind, and the health service that
// the readiness probe asks. Its messages are Protobuf's own string wrapper, so
// that nothing has to be generated.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// greeter is the service greet.Greeter.
var greeter = grpc.ServiceDesc{
	ServiceName: "greet.Greeter",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Hello", Handler: hello}},
	Streams:     []grpc.StreamDesc{{StreamName: "Talk", Handler: talk, ServerStreams: true, ClientStreams: true}},
}

// hello answers one name with one greeting.
func hello(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var name wrapperspb.StringValue
	if err := decode(&name); err != nil {
		return nil, err
	}
	return wrapperspb.String("Hello " + name.Value + "!"), nil
}

// talk answers each name of a stream with a greeting, in turn.
func talk(_ any, stream grpc.ServerStream) error {
	for {
		var name wrapperspb.StringValue
		err := stream.RecvMsg(&name)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(wrapperspb.String("Hello " + name.Value + "!")); err != nil {
			return err
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(fmt.Errorf("listen: %w", err))
	}
	server := grpc.NewServer()
	server.RegisterService(&greeter, struct{}{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, server.GracefulStop)
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
