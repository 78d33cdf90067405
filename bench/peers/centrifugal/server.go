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

// Server is a node of centrifuge.
type Server struct {
	node  *centrifuge.Node
	site  http.Server
	redis bool
}

// New makes a node; redis is host:port, or empty for the broker in memory.
func New(redis string) (*Server, error) {
	node, err := centrifuge.New(centrifuge.Config{
		GetChannelMediumOptions: func(string) centrifuge.ChannelMediumOptions {
			return centrifuge.ChannelMediumOptions{SharedPositionSync: redis != ""}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make a node: %w", err)
	}
	s := &Server{node: node, redis: redis != ""}
	if s.redis {
		if err := s.join(redis); err != nil {
			return nil, err
		}
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	node.OnConnect(s.connected)
	if err := node.Run(); err != nil {
		return nil, fmt.Errorf("run the node: %w", err)
	}
	s.site.Handler = centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		ReadBufferSize: 1024, UseWriteBufferPool: true,
	})
	return s, nil
}

// join makes the node one of those that share a Redis.
func (s *Server) join(address string) error {
	shard, err := centrifuge.NewRedisShard(s.node, centrifuge.RedisShardConfig{Address: address})
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

func (s *Server) connected(client *centrifuge.Client) {
	client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
		answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: s.redis}}, nil)
	})
	client.OnPublish(func(_ centrifuge.PublishEvent, answer centrifuge.PublishCallback) {
		var options centrifuge.PublishOptions
		if s.redis {
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
