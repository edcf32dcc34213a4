package fetch

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/go-git/go-git/v5/plumbing"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Away reports whether an error says that whoever has the source was away, and
// may be back: nobody answered, the answer was cut off, or it was that of a
// server in trouble.
func Away(err error) bool {
	if unexpected, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
		err = unexpected.Err // it does not unwrap itself
	}
	if status, ok := errors.AsType[*githttp.Err](err); ok {
		code := status.StatusCode()
		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
	}
	_, engine := errors.AsType[*againError](err)
	_, op := errors.AsType[*net.OpError](err)
	_, dns := errors.AsType[*net.DNSError](err)
	return engine || op || dns || errors.Is(err, io.ErrUnexpectedEOF)
}
