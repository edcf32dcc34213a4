// The client of the echo: says each word when the one before has come back.
// With --silence D it says nothing for so long before the last word.
//
//	go run ./client [--silence D] GATEWAY HOST WORD...
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"time"

	"golang.org/x/net/websocket"
)

func main() {
	silence := flag.Duration("silence", 0, "how long to say nothing before the last word")
	flag.Parse()
	if flag.NArg() < 3 {
		log.Fatal("usage: client [--silence D] GATEWAY HOST WORD...")
	}
	if err := talk(flag.Arg(0), flag.Arg(1), flag.Args()[2:], *silence); err != nil {
		log.Fatal(err)
	}
}

// talk reaches the host through the gateway's address.
func talk(gateway, host string, words []string, silence time.Duration) error {
	config, err := websocket.NewConfig("ws://"+host+"/", "http://"+host)
	if err != nil {
		return err
	}
	tcp, err := net.Dial("tcp", gateway)
	if err != nil {
		return err
	}
	defer tcp.Close()
	c, err := websocket.NewClient(config, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	for i, word := range words {
		if i == len(words)-1 {
			time.Sleep(silence)
		}
		var heard string
		if err := websocket.Message.Send(c, word); err != nil {
			return err
		}
		if err := websocket.Message.Receive(c, &heard); err != nil {
			return err
		}
		fmt.Println(heard)
	}
	return nil
}
