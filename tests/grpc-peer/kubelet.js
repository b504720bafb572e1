'use strict';
// A kubelet as far as gRPC goes: node kubelet.js <device plugin directory> <proto directory>
// Serves Registration, dials back inside Register, watches; commands call the plugin that registered last:
// {id, method, request, deadlineMs}. Registering "test.error/x" fails with a message that is not ASCII, "test.hang/x" is never answered.
// Serves pod-resources too, with {podResources: n} pods of one device each, and a plugin whose ListAndWatch sends 500 lists of 1,000 devices.
const path = require('path');
const { grpc, say, listen, loadApis } = require('./lines');

const [directory, protos] = process.argv.slice(2);
const apis = loadApis(protos);
const plugins = {};
let pods = 0;

function register(call, answer) {
  const name = call.request.resource_name;
  if (name.startsWith('test.hang/')) {
    call.on('cancelled', () => say({ event: 'cancelled', resource: name }));
    return;
  }
  if (name.startsWith('test.error/')) {
    answer({ code: grpc.status.INVALID_ARGUMENT, details: `„${name}“ wird nicht unterstützt: 100%` });
    return;
  }
  const plugin = new apis.v1beta1.DevicePlugin(`unix://${path.join(directory, call.request.endpoint)}`, grpc.credentials.createInsecure());
  plugin.GetDevicePluginOptions({}, { deadline: Date.now() + 10000 }, (error, options) => {
    if (error) {
      answer(error);
      return;
    }
    plugins[name] = plugin;
    say({ event: 'registered', resource: name, version: call.request.version, options });
    answer(null, {});
    watch(plugin, name);
  });
}

function watch(plugin, resource) {
  let messages = 0;
  const stream = plugin.ListAndWatch({});
  stream.on('data', (list) => {
    messages += 1;
    say({ event: 'list', resource, messages, devices: list.devices.length, healthy: list.devices.filter((d) => d.health === 'Healthy').length, first: list.devices[0] });
  });
  stream.on('error', () => {});
  stream.on('status', (status) => say({ event: 'ended', resource, code: status.code, messages }));
}

function sendLists(call) {
  for (let i = 0; i < 500; i += 1) {
    call.write({ devices: Array.from({ length: 1000 }, (_, n) => ({ ID: `${i}-${n}`, health: 'Healthy', topology: { nodes: [{ ID: 1 }] } })) });
  }
  call.end();
}

function listPods(call, answer) {
  const pod = (n) => ({ name: `vm-${n}`, namespace: 'vms', containers: [{ name: 'compute', devices: [0, 1].map((node) => ({ resource_name: 'example.com/gpu', device_ids: [`gpu-${n}`], topology: { nodes: [{ ID: node }] } })) }] });
  answer(null, { pod_resources: Array.from({ length: pods }, (_, n) => pod(n)) });
}

const server = new grpc.Server({ 'grpc.max_send_message_length': -1 });
server.addService(apis.v1beta1.Registration.service, { Register: register });
server.addService(apis.v1beta1.DevicePlugin.service, { ListAndWatch: sendLists });
server.addService(apis.v1.PodResourcesLister.service, { List: listPods });
server.bindAsync(`unix://${path.join(directory, 'kubelet.sock')}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  say({ event: 'ready' });
});

listen((command) => {
  if (command.podResources !== undefined) {
    pods = command.podResources;
    say({ id: command.id, code: 0 });
    return;
  }
  const deadline = command.deadlineMs ? { deadline: Date.now() + command.deadlineMs } : {};
  plugins[command.resource][command.method](command.request || {}, deadline, (error, response) => {
    say({ id: command.id, code: error ? error.code : 0, message: error ? error.details : '', response });
  });
});
