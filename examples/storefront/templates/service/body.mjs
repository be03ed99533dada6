import { Problem } from './problem.mjs';

/** Reads a JSON body of at most `bytesMax` bytes; the connection of a sender that goes over is closed after the answer. */
export async function readJson(request, bytesMax) {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bytesMax) throw tooLarge(bytesMax);
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  if (!String(request.headers['content-type'] ?? '').startsWith('application/json')) {
    throw new Problem(415, 'NOT_JSON', 'send application/json');
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Problem(400, 'BAD_JSON', 'the body is not JSON');
  }
}

function tooLarge(bytesMax) {
  return new Problem(413, 'BODY_TOO_LARGE', `the body may have ${bytesMax} bytes`, { connection: 'close' });
}
