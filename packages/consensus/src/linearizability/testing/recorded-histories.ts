// Reads histories that others recorded, in the two notations of the collection that the checker is proven on.
import type { KeyValueInput, KeyValueOutput } from '../models/key-value.ts';
import type { RegisterInput, RegisterOutput } from '../models/register.ts';
import { HistoryRecorder, type OpenCall, type Operation } from '../operation.ts';

const REGISTER_EVENT = /(\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s+(\S.*)$/;

/** A register with compare-and-set: `<process> :invoke :cas [1 3]`, then `:ok`, `:fail` or `:info`. */
export function parseRegisterLog(text: string): readonly Operation<RegisterInput, RegisterOutput>[] {
  const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
  const open = new Map<string, OpenCall<RegisterOutput>>();
  for (const line of text.split('\n')) {
    const [, client, type, op, value] = REGISTER_EVENT.exec(line) ?? [];
    if (client === undefined || op === undefined || value === undefined) continue;
    if (type === 'invoke') open.set(client, recorder.call(client, registerInput(op, value)));
    else endRegisterCall(open.get(client)!, type!, op, value);
  }
  return recorder.operations();
}

function registerInput(op: string, value: string): RegisterInput {
  const key = 'register';
  if (op === 'read') return { op, key };
  if (op === 'write') return { op, key, value: Number(value) };
  const [from, to] = value.replace(/[[\]]/g, '').split(' ').map(Number);
  return { op: 'cas', key, from: from!, to: to! };
}

function endRegisterCall(call: OpenCall<RegisterOutput>, type: string, op: string, value: string): void {
  if (type === 'info') call.unknown();
  // A comparison that failed is an answer; a read or a write that failed says nothing.
  else if (type === 'fail' && op === 'cas' && value !== ':timed-out') call.returned(false);
  else if (type === 'fail') call.failed();
  else if (op === 'read') call.returned(value === 'nil' ? null : Number(value));
  else call.returned(op === 'write' ? 'done' : true);
}

const KEY_VALUE_EVENT =
  /:process (\d+), :type :(invoke|ok), :f :(get|put|append), :key "(.*?)", :value (.*)\}/;

/** Texts under keys: `{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}`, then `:ok`. */
export function parseKeyValueLog(text: string): readonly Operation<KeyValueInput, KeyValueOutput>[] {
  const recorder = new HistoryRecorder<KeyValueInput, KeyValueOutput>();
  const open = new Map<string, OpenCall<KeyValueOutput>>();
  for (const line of text.split('\n')) {
    const [, client, type, op, key, value] = KEY_VALUE_EVENT.exec(line) ?? [];
    if (client === undefined || op === undefined || key === undefined || value === undefined) continue;
    const shown = value.replace(/^"|"$/g, '');
    if (type === 'ok') open.get(client)!.returned(op === 'get' ? shown : null);
    else if (op === 'get') open.set(client, recorder.call(client, { op, key }));
    else if (op === 'put' || op === 'append')
      open.set(client, recorder.call(client, { op, key, value: shown }));
  }
  return recorder.operations();
}
