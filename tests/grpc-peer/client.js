'use strict';
// A gRPC client of the device plugin API on a unix socket: node client.js <socket> <proto directory>
// Commands: {id, method, request, deadlineMs, cancelAfter}; "raw" sends bytes as they are: {id, method: "raw", path, hex, headers, window}; window 0 reads nothing.
const http2 = require('http2');
const net = require('net');
const { grpc, say, listen, loadApis } = require('./lines');

const [socket, protos] = process.argv.slice(2);
const api = loadApis(protos).v1beta1;
const client = new api.DevicePlugin(`unix://${socket}`, grpc.credentials.createInsecure());

function options(command) {
  return command.deadlineMs ? { deadline: Date.now() + command.deadlineMs } : {};
}

function unary(command) {
  client[command.method](command.request || {}, options(command), (error, response) => {
    say({ id: command.id, code: error ? error.code : 0, message: error ? error.details : '', response });
  });
}

// Reads a stream to its end, or cancels it after so many messages.
function watch(command) {
  const call = client.ListAndWatch({}, options(command));
  let messages = 0;
  let devices = 0;
  call.on('data', (list) => {
    messages += 1;
    devices = list.devices.length;
    say({ event: 'list', id: command.id, messages, devices, healthy: list.devices.filter((d) => d.health === 'Healthy').length });
    if (messages === command.cancelAfter) call.cancel();
  });
  call.on('error', () => {});
  call.on('status', (status) => say({ id: command.id, code: status.code, message: status.details, messages, devices }));
}

function raw(command) {
  const session = http2.connect('http://localhost', { createConnection: () => net.connect(socket), settings: command.window === undefined ? {} : { initialWindowSize: command.window } });
  const headers = { ':method': 'POST', ':path': command.path, 'content-type': 'application/grpc', te: 'trailers', ...command.headers };
  const stream = session.request(headers);
  const reply = { id: command.id, http: 0, code: -1, message: '' };
  const take = (received) => {
    if (received['grpc-status'] !== undefined) reply.code = Number(received['grpc-status']);
    if (received['grpc-message'] !== undefined) reply.message = decodeURIComponent(received['grpc-message']);
  };
  stream.on('response', (received) => {
    say({ event: 'response', id: command.id });
    reply.http = received[':status'];
    take(received);
  });
  stream.on('trailers', take);
  stream.on('error', (error) => { reply.error = error.message; });
  stream.on('data', () => {});
  stream.on('close', () => {
    session.close();
    say(reply);
  });
  stream.end(Buffer.from(command.hex || '', 'hex'));
}

listen((command) => {
  if (command.method === 'raw') raw(command);
  else if (command.method === 'ListAndWatch') watch(command);
  else if (command.method === 'Unknown') {
    const identity = (value) => value;
    client.makeUnaryRequest('/v1beta1.DevicePlugin/NoSuchMethod', () => Buffer.alloc(0), identity, {}, (error) => say({ id: command.id, code: error ? error.code : 0, message: error ? error.details : '' }));
  } else unary(command);
});
say({ event: 'ready' });
