'use strict';
// Talks to the test in JSON, one object a line: commands on stdin, replies and events on stdout. The end of stdin ends the process.
const path = require('path');
const readline = require('readline');
const protoLoader = require('@grpc/proto-loader');
const grpc = require('@grpc/grpc-js');

function say(object) {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

function listen(onCommand) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => onCommand(JSON.parse(line)));
  lines.on('close', () => process.exit(0));
}

function loadApis(protoDirectory) {
  const files = ['deviceplugin.proto', 'podresources.proto'].map((name) => path.join(protoDirectory, name));
  const loaded = protoLoader.loadSync(files, { keepCase: true, longs: Number, defaults: true });
  return grpc.loadPackageDefinition(loaded);
}

module.exports = { grpc, say, listen, loadApis };
