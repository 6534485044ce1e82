package chaos

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/maskline/maskline/pkg/rpc"
	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

// Process is one program under a supervisor that starts it again whenever it ends, as an orchestrator does. It keeps its
// address over restarts. Safe for concurrent use.
type Process struct {
	stage   string
	program string
	address string
	log     *os.File
	// env is asked at every start.
	env func() []string
	// once says that it is not started again.
	once bool

	mu      sync.Mutex
	running *exec.Cmd // nil between two runs
	wanted  bool
	starts  int
	exits   []exit
	over    chan struct{} // closed when the supervisor has ended
}

// exit is how a run ended.
type exit struct {
	pid    int
	code   int // -1: by a signal
	signal syscall.Signal
}

// restartPause keeps a program that cannot start from eating the machine.
const restartPause = 50 * time.Millisecond

// run starts the program and supervises it.
func (p *Process) run() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted, p.over = true, make(chan struct{})
	go p.supervise(p.over)
}

func (p *Process) supervise(over chan struct{}) {
	defer close(over)
	for {
		began := time.Now()
		cmd, err := p.start()
		if cmd == nil && err == nil {
			return
		}
		if err == nil {
			_ = cmd.Wait() // the state says it all
		}
		p.note(cmd, err)
		if p.once {
			return
		}
		if time.Since(began) < restartPause {
			time.Sleep(restartPause)
		}
	}
}

// start returns nothing when the program is not wanted any more.
func (p *Process) start() (*exec.Cmd, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted {
		return nil, nil
	}
	cmd := exec.Command(p.program) //nolint:gosec,noctx // Our own program, which outlives any context but the supervisor's.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TZ=UTC"}, p.env()...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the card is handled in the card's order
	if err := cmd.Start(); err != nil {
		return cmd, err
	}
	p.running = cmd
	p.starts++
	return cmd, nil
}

func (p *Process) note(cmd *exec.Cmd, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = nil
	if err != nil {
		p.exits = append(p.exits, exit{code: 127})
		return
	}
	e := exit{pid: cmd.Process.Pid, code: cmd.ProcessState.ExitCode()}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.signal = status.Signal()
	}
	p.exits = append(p.exits, e)
}

// signal sends a signal to the run under way and returns its pid, or 0 if there is none.
func (p *Process) signal(s syscall.Signal) (pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil || p.running.Process.Signal(s) != nil {
		return 0
	}
	return p.running.Process.Pid
}

// pid is that of the run under way, or 0.
func (p *Process) pid() int { return p.signal(syscall.Signal(0)) }

// ended lists how the runs ended so far.
func (p *Process) ended() []exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]exit(nil), p.exits...)
}

// stopPatience is more than the longest grace.
const stopPatience = time.Minute

// stop ends the program for good: politely, then not. clean says that it exited with 0.
func (p *Process) stop(polite bool) (clean bool) {
	p.mu.Lock()
	p.wanted = false
	over := p.over
	p.mu.Unlock()
	if over == nil {
		return true
	}
	wasRunning := p.pid() != 0
	p.signal(syscall.SIGCONT)
	if polite {
		p.signal(syscall.SIGTERM)
		select {
		case <-over:
		case <-time.After(stopPatience):
		}
	}
	p.signal(syscall.SIGKILL)
	<-over
	exits := p.ended()
	return !wasRunning || len(exits) > 0 && exits[len(exits)-1].code == 0
}

// errSilent is a process that does not answer: it is starting, stopped or gone.
var errSilent = errors.New("no answer")

// status asks the process what it does.
func (p *Process) status(ctx context.Context) (*controlv1.GetStatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := rpc.Dial(p.address, rpc.DialConfig{})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := controlv1.NewControlServiceClient(conn).GetStatus(ctx, &controlv1.GetStatusRequest{})
	if err != nil {
		return nil, errSilent
	}
	return answer, nil
}

// holds is how many records the process has in flight; 0 if it does not answer.
func (p *Process) holds(ctx context.Context) uint64 {
	s, err := p.status(ctx)
	if err != nil {
		return 0
	}
	return s.GetInFlightRecords()
}

// ready waits until the process is ready for work.
func (p *Process) ready(ctx context.Context) error {
	return until(ctx, time.Minute, p.stage+" ready", func() bool {
		s, err := p.status(ctx)
		return err == nil && s.GetReady()
	})
}
