import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { assert } from '@tutti/kernel';

/** A node's Ed25519 keys (RFC 8032), each 32 bytes in lower-case hexadecimal. Keep the secret one in a file of mode 600. */
export interface KeyPair {
  readonly publicKey: string;
  /** The seed that RFC 8032 calls the private key. */
  readonly secretKey: string;
}

const KEY = /^[0-9a-f]{64}$/;
/** DER headers that precede the 32 bytes of an Ed25519 key (RFC 8410, section 10). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** New keys from the operating system's random source. */
export function generateKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex'),
    secretKey: privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32).toString('hex'),
  };
}

/** Whether a text has the form of a public key. */
export function isPublicKey(text: string): boolean {
  return KEY.test(text);
}

/** A function that signs with these keys: 64 bytes, always the same for the same message. */
export function signer(keys: KeyPair): (message: Uint8Array) => Uint8Array {
  assert(KEY.test(keys.secretKey), 'a secret key is 32 bytes in lower-case hexadecimal');
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8, Buffer.from(keys.secretKey, 'hex')]),
    format: 'der',
    type: 'pkcs8',
  });
  return (message) => sign(null, message, key);
}

/** Whether `signature` is this key's over `message`. False for anything that is not a key or not a signature. */
export function verifySignature(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isPublicKey(publicKey) || signature.length !== 64) return false;
  try {
    const der = Buffer.concat([SPKI, Buffer.from(publicKey, 'hex')]);
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
  } catch {
    return false; // 32 bytes that are not a point of the curve
  }
}
