// A compiler that stays: one standard-JSON request a line on standard input, one answer a line on standard output.
// Run as: node --liftoff-only --stack-size=4000 toolchain/solcd.js
// The mutation runner compiles thousands of small variants and would otherwise pay half a second of start-up for each.
'use strict';
const solc = require('./soljson.js');

const lines = require('readline').createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on('line', line => process.stdout.write(`${solc.compile(line).replace(/\n/g, ' ')}\n`));
