// Package front is the side of the hop that clients see: an HTTP/1.1 server for
// the plainest requests, before net/http, which serves all others.
//
// Plain is a request whose head, and whole body if it has one, came with one
// read: no upgrade, no "Expect", no transfer coding, nothing odd in its syntax.
// Nearly all requests of a busy gateway are. A connection whose next request is
// not plain is handed to the [net/http.Server], with the bytes that were read,
// and stays there: front never has to understand more than it can understand
// strictly, and every protocol that net/http speaks is spoken.
//
// What makes it cheap: a request costs one read and one write, and nothing
// watches the connection behind its back. Who hangs up is told of by one epoll
// instance for all connections, handed ones too, which hears of nothing else; there is no goroutine, no
// timer and no system call for it per request. Idle connections are looked
// through every few seconds, instead of a deadline for each request.
//
// Where there is no epoll, net/http serves everything.
//
// A handler must not keep the request or its headers when it returns; their
// strings it may. The request's context lasts until the client hangs up.
package front
