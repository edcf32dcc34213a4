// The client of autoscale: many at once, each asking again when it has its answer.
//
//	go run ./client --clients 50 --for 5s GATEWAY HOST PATH
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

func main() {
	clients := flag.Int("clients", 50, "how many ask at once")
	last := flag.Duration("for", 5*time.Second, "for how long they ask")
	flag.Parse()
	if flag.NArg() != 3 {
		log.Fatal("usage: client [--clients N] [--for D] GATEWAY HOST PATH")
	}
	answers, failures := ask(*clients, *last, flag.Arg(0), "http://"+flag.Arg(1)+"/"+flag.Arg(2))
	if len(answers) > 0 {
		slices.Sort(answers)
		fmt.Printf("%d answers, half of them within %s\n", len(answers), answers[len(answers)/2].Round(time.Millisecond))
	}
	fmt.Printf("%d failures\n", failures)
}

// ask gives how long each answer took, and how many there were none of.
func ask(clients int, last time.Duration, gateway, url string) (answers []time.Duration, failures int) {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: clients,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, gateway)
		},
	}}
	var mu sync.Mutex
	var all sync.WaitGroup
	end := time.Now().Add(last)
	for range clients {
		all.Go(func() {
			for time.Now().Before(end) {
				took, err := once(client, url)
				mu.Lock()
				if answers = append(answers, took); err != nil {
					answers = answers[:len(answers)-1]
					failures++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers, failures
}

func once(client *http.Client, url string) (time.Duration, error) {
	began := time.Now()
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return time.Since(began), nil
}
