package activator

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/protobuf/encoding/protowire"
)

// grpcClient speaks HTTP/2 from the first byte, each check on a connection of its own.
func grpcClient() *http.Transport {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &only}
}

// tryGRPC asks grpc.health.v1.Health/Check. The two messages have one field
// each, so they are written and read by hand.
func (ck *check) tryGRPC(ctx context.Context) error {
	var msg []byte
	if ck.service != "" {
		msg = protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), ck.service)
	}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg)))
	body := bytes.NewReader(append(frame, msg...))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+ck.addr+"/grpc.health.v1.Health/Check", body)
	if err != nil {
		return err
	}
	req.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {"sluice-probe"}}
	transport := grpcClient()
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return err
	}
	if status := res.Trailer.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("%s: grpc status %q", ck.addr, status)
	}
	if serving(answer) {
		return nil
	}
	return fmt.Errorf("%s: not serving", ck.addr)
}

// serving reads a framed HealthCheckResponse: field 1 is 1 when it serves.
func serving(frame []byte) bool {
	if len(frame) < 5 {
		return false
	}
	msg := frame[5:]
	num, typ, n := protowire.ConsumeTag(msg)
	if n < 0 || num != 1 || typ != protowire.VarintType {
		return false
	}
	status, n := protowire.ConsumeVarint(msg[n:])
	return n > 0 && status == 1
}
