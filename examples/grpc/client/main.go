// The client of the greeter: one call with one name, one stream with several.
//
//	go run ./client GATEWAY HOST NAME...
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: client GATEWAY HOST NAME...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := greet(ctx, os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

// greet reaches the host through the gateway's address.
func greet(ctx context.Context, gateway, host string, names []string) error {
	conn, err := grpc.NewClient("passthrough:///"+gateway, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(host))
	if err != nil {
		return err
	}
	defer conn.Close()
	if len(names) == 1 {
		var answer wrapperspb.StringValue
		if err := conn.Invoke(ctx, "/greet.Greeter/Hello", wrapperspb.String(names[0]), &answer); err != nil {
			return err
		}
		fmt.Println(answer.Value)
		return nil
	}
	return talk(ctx, conn, names)
}

// talk sends a name only when the one before was answered: neither side of a
// stream waits for the other to end.
func talk(ctx context.Context, conn *grpc.ClientConn, names []string) error {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/greet.Greeter/Talk")
	if err != nil {
		return err
	}
	for _, name := range names {
		var answer wrapperspb.StringValue
		if err := stream.SendMsg(wrapperspb.String(name)); err != nil {
			return err
		}
		if err := stream.RecvMsg(&answer); err != nil {
			return err
		}
		fmt.Println(answer.Value)
	}
	return stream.CloseSend()
}
