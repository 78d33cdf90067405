package centrifugal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"
)

// What a channel's history keeps when there is Redis.
const (
	historySize = 300
	historyTTL  = 10 * time.Minute
)

// Options are what the node is measured with, and without.
type Options struct {
	Redis string        // host:port; "": the broker is in memory
	Delay time.Duration // for which messages to a client are collected; 0: they are not
}

// Server is a node of centrifuge.
type Server struct {
	Options
	node *centrifuge.Node
	site http.Server
}

// New makes a node.
func New(o Options) (*Server, error) {
	node, err := centrifuge.New(centrifuge.Config{
		GetChannelMediumOptions: func(string) centrifuge.ChannelMediumOptions {
			return centrifuge.ChannelMediumOptions{SharedPositionSync: o.Redis != ""}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make a node: %w", err)
	}
	s := &Server{Options: o, node: node}
	if o.Redis != "" {
		if err := s.join(); err != nil {
			return nil, err
		}
	}
	node.OnConnecting(s.connecting)
	node.OnConnect(s.connected)
	if err := node.Run(); err != nil {
		return nil, fmt.Errorf("run the node: %w", err)
	}
	s.site.Handler = centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		ReadBufferSize: 1024, UseWriteBufferPool: true, ProcessCommandsOffReadLoop: true,
	})
	return s, nil
}

// join makes the node one of those that share a Redis.
func (s *Server) join() error {
	shard, err := centrifuge.NewRedisShard(s.node, centrifuge.RedisShardConfig{Address: s.Redis})
	if err != nil {
		return fmt.Errorf("connect to Redis: %w", err)
	}
	broker, err := centrifuge.NewRedisBroker(s.node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		return fmt.Errorf("make the broker: %w", err)
	}
	s.node.SetBroker(broker)
	return nil
}

func (s *Server) connecting(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	return centrifuge.ConnectReply{
		Credentials: &centrifuge.Credentials{},
		WriteDelay:  s.Delay, WriteWithTimer: s.Delay > 0, ReplyWithoutQueue: s.Delay > 0,
	}, nil
}

func (s *Server) connected(client *centrifuge.Client) {
	client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
		answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: s.Redis != ""}}, nil)
	})
	client.OnPublish(func(_ centrifuge.PublishEvent, answer centrifuge.PublishCallback) {
		var options centrifuge.PublishOptions
		if s.Redis != "" {
			options.HistorySize, options.HistoryTTL = historySize, historyTTL
		}
		answer(centrifuge.PublishReply{Options: options}, nil)
	})
}

// Serve serves those who connect until Close.
func (s *Server) Serve(l net.Listener) error {
	if err := s.site.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close cuts everybody off.
func (s *Server) Close() {
	_ = s.site.Close() // of the listener: nobody can mend it
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.node.Shutdown(ctx) // late: the process ends anyway
}
