// A gRPC server without generated code: messages are bytes, of which the first two say how long the
// handler takes, in tenths of ms.
//
//	rpc_server PORT
package main

import (
	"context"
	"log"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

// plain passes messages on as they are, under the name of the usual encoding.
type plain struct{}

func (plain) Name() string                         { return "proto" }
func (plain) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (plain) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

type cart interface{}

func unary(name string, handle func([]byte) ([]byte, error)) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(_ interface{}, _ context.Context, decode func(interface{}) error,
			_ grpc.UnaryServerInterceptor) (interface{}, error) {
			var request []byte
			if err := decode(&request); err != nil {
				return nil, err
			}
			reply, err := handle(request)
			return &reply, err
		},
	}
}

func get(request []byte) ([]byte, error) {
	if len(request) >= 2 {
		time.Sleep(time.Duration(int(request[0])<<8|int(request[1])) * 100 * time.Microsecond)
	}
	if len(request) > 100 {
		request = request[:100]
	}
	return request, nil
}

func refuse(code codes.Code) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return nil, status.Error(code, "it fails") }
}

func watch(_ interface{}, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	for number := 0; number < 5; number++ {
		time.Sleep(10 * time.Millisecond)
		reply := append(append([]byte(nil), request...), byte(number))
		if err := stream.SendMsg(&reply); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	encoding.RegisterCodec(plain{})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Cart",
		HandlerType: (*cart)(nil),
		Methods: []grpc.MethodDesc{
			unary("Get", get), unary("Slow", get),
			unary("Fail", refuse(codes.Internal)), unary("Miss", refuse(codes.NotFound)),
		},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", Handler: watch, ServerStreams: true}},
	}, struct{}{})
	log.Fatal(server.Serve(listener))
}
