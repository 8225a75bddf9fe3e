// Command client calls a gRPC server with grpc-go, as a client in Go would, and prints the outcome.
//
// It sends and receives prepared bytes, so it knows no message. All calls share one channel, and no
// call is made a second time. What it prints is one JSON object; it ends with 0 whatever the server
// answered. There are two modes:
//
//	client calls -address HOST:PORT -method PATH -message FILE -calls 3000 -at-once 10
//	client deadlines -address HOST:PORT -method PATH -message FILE -at-once 2
//	    -held-method PATH -held-message FILE -rate 400 -deadline-ms 100 -seconds 3
//
// The second makes healthy calls without pause for as long as it also makes calls that are held
// until their deadline has passed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// The name under which a call that was answered with other bytes than it should be is counted.
const wrongAnswer = "WRONG_ANSWER"

// plain is a codec that leaves bytes as they are. It takes the place of the one for protobuf, so
// the content type is that of any client.
type plain struct{}

func (plain) Name() string { return "proto" }

func (plain) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.([]byte))}, nil
}

func (plain) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

// observer counts the connections of a channel, and the calls that grpc-go sent a second time.
type observer struct {
	connections, repeated atomic.Int64
}

func (*observer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*observer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (o *observer) HandleRPC(_ context.Context, event stats.RPCStats) {
	if begin, ok := event.(*stats.Begin); ok && begin.IsTransparentRetryAttempt {
		o.repeated.Add(1)
	}
}

func (o *observer) HandleConn(_ context.Context, event stats.ConnStats) {
	if _, ok := event.(*stats.ConnBegin); ok {
		o.connections.Add(1)
	}
}

type failure struct {
	Count int    `json:"count"`
	First string `json:"first"`
}

// outcome is what became of calls: the failures by status, with the first message of each.
type outcome struct {
	mutex  sync.Mutex
	Calls  int                 `json:"calls"`
	OK     int                 `json:"ok"`
	Failed map[string]*failure `json:"failed"`
}

func newOutcome() *outcome { return &outcome{Failed: map[string]*failure{}} }

func (o *outcome) add(name, message string) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.Calls++
	if name == code.Code_OK.String() {
		o.OK++
		return
	}
	if o.Failed[name] == nil {
		o.Failed[name] = &failure{First: message}
	}
	o.Failed[name].Count++
}

type report struct {
	Healthy     *outcome `json:"healthy"`
	Deadlines   *outcome `json:"deadlines,omitempty"`
	Connections int64    `json:"connections"`
	Repeated    int64    `json:"repeated"`
	Seconds     float64  `json:"seconds"`
}

// request is a prepared call; answer is what it should be answered with, or nil if that is open.
type request struct {
	method          string
	message, answer []byte
	deadline        time.Duration
}

func (r request) call(channel *grpc.ClientConn, outcome *outcome) {
	ctx, cancel := context.WithTimeout(context.Background(), r.deadline)
	defer cancel()
	var answer []byte
	err := channel.Invoke(ctx, r.method, r.message, &answer)
	if err == nil && r.answer != nil && !bytes.Equal(answer, r.answer) {
		outcome.add(wrongAnswer, fmt.Sprintf("%.200q", answer))
		return
	}
	found := status.Convert(err)
	outcome.add(code.Code(found.Code()).String(), found.Message())
}

// inParallel runs work in this many goroutines, and waits for them.
func inParallel(count int, work func()) {
	var group sync.WaitGroup
	for range count {
		group.Go(work)
	}
	group.Wait()
}

// many makes this many calls, a number of them at a time.
func many(channel *grpc.ClientConn, healthy request, calls, atOnce int) *outcome {
	made := newOutcome()
	var begun atomic.Int64
	inParallel(atOnce, func() {
		for begun.Add(1) <= int64(calls) {
			healthy.call(channel, made)
		}
	})
	return made
}

// beside makes calls that are held, at this rate, and healthy ones for as long as that takes.
func beside(
	channel *grpc.ClientConn, healthy, held request, atOnce, rate, seconds int,
) (*outcome, *outcome) {
	answered, late := newOutcome(), newOutcome()
	over := make(chan struct{})
	go func() {
		defer close(over)
		var group sync.WaitGroup
		defer group.Wait()
		start := time.Now()
		for number := range rate * seconds {
			time.Sleep(time.Until(start.Add(time.Second * time.Duration(number) / time.Duration(rate))))
			group.Go(func() { held.call(channel, late) })
		}
	}()
	inParallel(atOnce, func() {
		for {
			healthy.call(channel, answered)
			select {
			case <-over:
				return
			default:
			}
		}
	})
	return answered, late
}

func run(arguments []string) (*report, error) {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	address := flags.String("address", "", "host and port of the server")
	method := flags.String("method", "", "path of the method")
	message := flags.String("message", "", "file with the request message")
	answer := flags.String("answer", "", "file with the only right answer (default: any is right)")
	atOnce := flags.Int("at-once", 1, "healthy calls at a time")
	patience := flags.Int("patience-ms", 120_000, "deadline of a healthy call")
	calls := flags.Int("calls", 1, "calls: how many")
	heldMethod := flags.String("held-method", "", "deadlines: path of the method that is held")
	heldMessage := flags.String("held-message", "", "deadlines: file with its request message")
	deadline := flags.Int("deadline-ms", 100, "deadlines: the deadline of a call that is held")
	rate := flags.Int("rate", 400, "deadlines: calls per second that are held")
	seconds := flags.Int("seconds", 3, "deadlines: for how long")
	if len(arguments) == 0 || arguments[0] != "calls" && arguments[0] != "deadlines" {
		return nil, fmt.Errorf("the first argument is the mode: calls or deadlines")
	}
	flags.Parse(arguments[1:])

	milliseconds := func(count int) time.Duration { return time.Duration(count) * time.Millisecond }
	healthy := request{method: *method, deadline: milliseconds(*patience)}
	held := request{method: *heldMethod, deadline: milliseconds(*deadline)}
	for file, content := range map[*string]*[]byte{
		message: &healthy.message, answer: &healthy.answer, heldMessage: &held.message,
	} {
		if *file == "" {
			continue
		}
		var err error
		if *content, err = os.ReadFile(*file); err != nil {
			return nil, err
		}
	}

	seen := &observer{}
	channel, err := grpc.NewClient(
		*address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(seen),
		grpc.WithDisableRetry(),
		grpc.WithNoProxy(),
	)
	if err != nil {
		return nil, err
	}
	defer channel.Close()
	found := &report{}
	start := time.Now()
	if arguments[0] == "calls" {
		found.Healthy = many(channel, healthy, *calls, *atOnce)
	} else {
		found.Healthy, found.Deadlines = beside(channel, healthy, held, *atOnce, *rate, *seconds)
	}
	found.Seconds = time.Since(start).Seconds()
	found.Connections, found.Repeated = seen.connections.Load(), seen.repeated.Load()
	return found, nil
}

func main() {
	encoding.RegisterCodecV2(plain{})
	found, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(found)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}
