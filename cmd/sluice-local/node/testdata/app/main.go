// Command app is what the tests run in containers: a static program that does
// one small thing, named by its first argument.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

var deeds = map[string]func(args []string){
	"serve":  serve,
	"exit":   func(args []string) { n, _ := strconv.Atoi(args[0]); os.Exit(n) },
	"print":  func(args []string) { fmt.Println(strings.Join(args, " ")) },
	"stderr": func(args []string) { fmt.Fprintln(os.Stderr, strings.Join(args, " ")) },
	"env":    func([]string) { fmt.Println(strings.Join(os.Environ(), "\n")) },
	"args":   func(args []string) { fmt.Println(strings.Join(args, "|")) },
	"id":     func([]string) { fmt.Println(os.Getuid(), os.Getgid()) },
	"cat":    cat,
	"ls":     ls,
	"write":  func(args []string) { must(os.WriteFile(args[0], []byte(args[1]), 0o644)) },
	"echo":   func([]string) { _, _ = io.Copy(os.Stdout, os.Stdin) },
	"pwd":    func([]string) { d, err := os.Getwd(); must(err); fmt.Println(d) },
	"host":   func([]string) { h, err := os.Hostname(); must(err); fmt.Println(h) },
	"sleep":  sleep,
	"deaf":   func([]string) { signal.Ignore(syscall.SIGTERM); fmt.Println("deaf"); hang() },
	"fork":   fork,
	"once":   once,
	"kill":   func([]string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); hang() },
	"lines":  lines,
	"flaky":  flaky,
	"equal":  equal,
	"tty":    tty,
}

func main() {
	if os.Args[1] == "all" {
		all(os.Args[2:])
		return
	}
	deed, ok := deeds[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such deed:", os.Args[1])
		os.Exit(64)
	}
	deed(os.Args[2:])
}

// hang stays for ever. (An empty select would be taken for a deadlock.)
func hang() {
	for {
		time.Sleep(time.Hour)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers on PORT (or the first argument) until SIGTERM.
func serve(args []string) {
	port := os.Getenv("PORT")
	if len(args) > 0 {
		port = args[0]
	}
	healthy := true
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello from", os.Getenv("HOSTNAME")) })
	mux.HandleFunc("/sicken", func(http.ResponseWriter, *http.Request) { healthy = false })
	mux.HandleFunc("/stop-hook", func(http.ResponseWriter, *http.Request) { fmt.Println("hooked") })
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		if !healthy {
			http.Error(w, "sick", http.StatusInternalServerError)
		}
	})
	l, err := net.Listen("tcp", ":"+port)
	must(err)
	fmt.Println("listening")
	go func() { must(http.Serve(l, mux)) }()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	fmt.Println("bye")
}

func cat(args []string) {
	for _, a := range args {
		data, err := os.ReadFile(a)
		must(err)
		_, _ = os.Stdout.Write(data)
	}
}

func ls(args []string) {
	entries, err := os.ReadDir(args[0])
	must(err)
	for _, e := range entries {
		info, err := e.Info()
		must(err)
		fmt.Println(info.Mode(), e.Name())
	}
}

func sleep(args []string) {
	d := time.Hour
	if len(args) > 0 {
		var err error
		d, err = time.ParseDuration(args[0])
		must(err)
	}
	time.Sleep(d)
}

// fork leaves a grandchild in a session of its own behind, which holds the file
// named by the first argument locked as long as it lives, and goes on.
func fork(args []string) {
	cmd := exec.Command("/proc/self/exe", "once", args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	_, _ = out.Read(make([]byte, 1))
	fmt.Println("forked")
	hang()
}

// once starts the real grandchild and ends, which makes that one an orphan.
func once(args []string) {
	if len(args) > 1 {
		f, err := os.OpenFile(args[0], os.O_CREATE|os.O_RDWR, 0o666)
		must(err)
		must(syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
		fmt.Println("locked")
		hang()
	}
	cmd := exec.Command("/proc/self/exe", "once", args[0], "lock")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	_, _ = out.Read(make([]byte, 1))
	fmt.Println("orphaned")
}

// tty says what its standard input is.
func tty([]string) {
	var size [4]uint16
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		fmt.Println("no terminal")
		return
	}
	fmt.Println("a terminal")
}

// equal succeeds if a file holds just that text.
func equal(args []string) {
	data, err := os.ReadFile(args[0])
	must(err)
	if string(data) != args[1] {
		os.Exit(1)
	}
}

// flaky fails at its first run, which it knows by a file.
func flaky(args []string) {
	if _, err := os.Stat(args[0]); err == nil {
		fmt.Println("second")
		return
	}
	must(os.WriteFile(args[0], nil, 0o644))
	fmt.Println("first")
	os.Exit(1)
}

func lines(args []string) {
	n, err := strconv.Atoi(args[0])
	must(err)
	for i := range n {
		fmt.Println("line", i)
	}
}

// all runs deeds one after the other; they are separated by "then".
func all(args []string) {
	for len(args) > 0 {
		end := len(args)
		for i, a := range args {
			if a == "then" {
				end = i
				break
			}
		}
		deeds[args[0]](args[1:end])
		args = args[min(end+1, len(args)):]
	}
}
