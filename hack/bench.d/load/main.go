// The peer of hack/bench's allocate: a client that calls as a kubelet does, which is grpc-go as well, and the same service as ours in Go.
//
//	load serve SOCKET                    serves DevicePlugin with an answer that is ready
//	load load SOCKET CALLERS CALLS ID    calls Allocate for the device ID; prints p50 and p99 in microseconds and calls a second, as JSON
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"

	"hostdev/v1beta1"
)

type plugin struct {
	v1beta1.UnimplementedDevicePluginServer
}

// Allocate answers with what the agent gives for one device: KubeVirt's variable and two nodes.
func (plugin) Allocate(_ context.Context, request *v1beta1.AllocateRequest) (*v1beta1.AllocateResponse, error) {
	response := &v1beta1.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		response.ContainerResponses = append(response.ContainerResponses, &v1beta1.ContainerAllocateResponse{
			Envs: map[string]string{"PCI_RESOURCE_EXAMPLE_COM_EDU": container.DevicesIds[0]},
			Devices: []*v1beta1.DeviceSpec{
				{ContainerPath: "/dev/vfio/vfio", HostPath: "/dev/vfio/vfio", Permissions: "mrw"},
				{ContainerPath: "/dev/vfio/17", HostPath: "/dev/vfio/17", Permissions: "mrw"},
			},
		})
	}
	return response, nil
}

func serve(socket string) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	v1beta1.RegisterDevicePluginServer(server, plugin{})
	log.Fatal(server.Serve(listener))
}

func load(socket string, callers, calls int, id string) {
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", address)
	}
	connection, err := grpc.Dial(socket, grpc.WithInsecure(), grpc.WithBlock(), grpc.WithAuthority("localhost"), grpc.WithContextDialer(dial))
	if err != nil {
		log.Fatal(err)
	}
	client := v1beta1.NewDevicePluginClient(connection)
	request := &v1beta1.AllocateRequest{ContainerRequests: []*v1beta1.ContainerAllocateRequest{{DevicesIds: []string{id}}}}
	took := make([][]time.Duration, callers)
	var done sync.WaitGroup
	began := time.Now()
	for caller := 0; caller < callers; caller++ {
		done.Add(1)
		go func(caller int) {
			defer done.Done()
			for call := caller; call < calls; call += callers {
				start := time.Now()
				response, err := client.Allocate(context.Background(), request)
				if err != nil {
					log.Fatal(err)
				}
				if len(response.ContainerResponses) != 1 {
					log.Fatalf("%d answers for one container", len(response.ContainerResponses))
				}
				took[caller] = append(took[caller], time.Since(start))
			}
		}(caller)
	}
	done.Wait()
	whole := time.Since(began)
	var all []time.Duration
	for _, some := range took {
		all = append(all, some...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	fmt.Printf("{\"p50\": %.1f, \"p99\": %.1f, \"rate\": %.1f}\n", micro(all[len(all)/2]), micro(all[len(all)*99/100]), float64(len(all))/whole.Seconds())
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 6 && os.Args[1] == "load":
		callers, err := strconv.Atoi(os.Args[3])
		if err != nil {
			log.Fatal(err)
		}
		calls, err := strconv.Atoi(os.Args[4])
		if err != nil {
			log.Fatal(err)
		}
		load(os.Args[2], callers, calls, os.Args[5])
	default:
		log.Fatal("load serve SOCKET | load load SOCKET CALLERS CALLS ID")
	}
}
