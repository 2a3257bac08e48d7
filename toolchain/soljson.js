// The official WebAssembly compiler from npm.
'use strict';

// Its runtime may print warnings; standard output belongs to the answers.
console.log = console.error;

// Every call that may throw goes through JavaScript and looks its function up in the WebAssembly table, hundreds of
// thousands of times a compile, and engines are slow at that. Remembering the answers halves the time of a compile.
const { get, set } = WebAssembly.Table.prototype;
WebAssembly.Table.prototype.get = function (index) {
  this.known ??= [];
  return (this.known[index] ??= get.call(this, index));
};
WebAssembly.Table.prototype.set = function (index, value) {
  if (this.known) this.known[index] = undefined;
  return set.call(this, index, value);
};

module.exports = require('../node_modules/solc');
