// The peer of hack/bench's allocate, which is grpc-go as a kubelet is.
//
//	load kubelet DIRECTORY    registers plugins as a kubelet does, watches their lists, and for each line RESOURCE CALLERS CALLS ID on standard input calls Allocate so often;
//	                          answers each line with p50 and p99 in microseconds and calls a second, as JSON
//	load plugin DIRECTORY     registers example.com/go there and serves it with an answer that is ready: the reference
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"google.golang.org/grpc"

	"hostdev/v1beta1"
)

const resource = "example.com/go"

func listen(socket string) net.Listener {
	os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

func dial(socket string) *grpc.ClientConn {
	connect := func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", address)
	}
	connection, err := grpc.Dial(socket, grpc.WithInsecure(), grpc.WithBlock(), grpc.WithAuthority("localhost"), grpc.WithContextDialer(connect))
	if err != nil {
		log.Fatal(err)
	}
	return connection
}

type plugin struct{}

func (plugin) GetDevicePluginOptions(context.Context, *v1beta1.Empty) (*v1beta1.DevicePluginOptions, error) {
	return &v1beta1.DevicePluginOptions{}, nil
}

func (plugin) GetPreferredAllocation(context.Context, *v1beta1.PreferredAllocationRequest) (*v1beta1.PreferredAllocationResponse, error) {
	return &v1beta1.PreferredAllocationResponse{}, nil
}

func (plugin) PreStartContainer(context.Context, *v1beta1.PreStartContainerRequest) (*v1beta1.PreStartContainerResponse, error) {
	return &v1beta1.PreStartContainerResponse{}, nil
}

func (plugin) ListAndWatch(_ *v1beta1.Empty, stream v1beta1.DevicePlugin_ListAndWatchServer) error {
	if err := stream.Send(&v1beta1.ListAndWatchResponse{Devices: []*v1beta1.Device{{ID: "0000:40:00.0", Health: "Healthy"}}}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// Allocate answers with what the agent gives for one device: KubeVirt's variable and two nodes.
func (plugin) Allocate(_ context.Context, request *v1beta1.AllocateRequest) (*v1beta1.AllocateResponse, error) {
	response := &v1beta1.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		response.ContainerResponses = append(response.ContainerResponses, &v1beta1.ContainerAllocateResponse{
			Envs: map[string]string{"PCI_RESOURCE_EXAMPLE_COM_GO": container.DevicesIds[0]},
			Devices: []*v1beta1.DeviceSpec{
				{ContainerPath: "/dev/vfio/vfio", HostPath: "/dev/vfio/vfio", Permissions: "mrw"},
				{ContainerPath: "/dev/vfio/17", HostPath: "/dev/vfio/17", Permissions: "mrw"},
			},
		})
	}
	return response, nil
}

func servePlugin(directory string) {
	listener := listen(filepath.Join(directory, "go.sock"))
	server := grpc.NewServer()
	v1beta1.RegisterDevicePluginServer(server, plugin{})
	go server.Serve(listener)
	kubelet := v1beta1.NewRegistrationClient(dial(filepath.Join(directory, "kubelet.sock")))
	if _, err := kubelet.Register(context.Background(), &v1beta1.RegisterRequest{Version: "v1beta1", Endpoint: "go.sock", ResourceName: resource}); err != nil {
		log.Fatal(err)
	}
	select {}
}

type kubelet struct {
	directory string
	lock      sync.Mutex
	clients   map[string]v1beta1.DevicePluginClient
}

// Register calls back before it answers, as a kubelet does.
func (k *kubelet) Register(_ context.Context, request *v1beta1.RegisterRequest) (*v1beta1.Empty, error) {
	client := v1beta1.NewDevicePluginClient(dial(filepath.Join(k.directory, request.Endpoint)))
	if _, err := client.GetDevicePluginOptions(context.Background(), &v1beta1.Empty{}); err != nil {
		return nil, err
	}
	go func() {
		stream, err := client.ListAndWatch(context.Background(), &v1beta1.Empty{})
		for err == nil {
			if _, err = stream.Recv(); err == nil {
				k.lock.Lock()
				k.clients[request.ResourceName] = client
				k.lock.Unlock()
			}
		}
	}()
	return &v1beta1.Empty{}, nil
}

// client waits until the resource has sent a list.
func (k *kubelet) client(name string) v1beta1.DevicePluginClient {
	for {
		k.lock.Lock()
		client := k.clients[name]
		k.lock.Unlock()
		if client != nil {
			return client
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func load(client v1beta1.DevicePluginClient, callers, calls int, id string) {
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

func serveKubelet(directory string) {
	k := &kubelet{directory: directory, clients: map[string]v1beta1.DevicePluginClient{}}
	server := grpc.NewServer()
	v1beta1.RegisterRegistrationServer(server, k)
	go server.Serve(listen(filepath.Join(directory, "kubelet.sock")))
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var name, id string
		var callers, calls int
		if _, err := fmt.Sscan(lines.Text(), &name, &callers, &calls, &id); err != nil {
			log.Fatalf("%q is not RESOURCE CALLERS CALLS ID: %v", lines.Text(), err)
		}
		load(k.client(name), callers, calls, id)
	}
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "kubelet":
		serveKubelet(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "plugin":
		servePlugin(os.Args[2])
	default:
		log.Fatal("load kubelet DIRECTORY | load plugin DIRECTORY")
	}
}
