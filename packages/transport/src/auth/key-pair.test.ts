import { etc, getPublicKeyAsync, signAsync, verifyAsync } from '@noble/ed25519';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateKeyPair, isPublicKey, signer, verifySignature } from './key-pair.ts';

describe('Ed25519 keys', () => {
  it('agree with an independent implementation on keys, signatures and verification', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array(),
        async (seed, message) => {
          const publicKey = Buffer.from(await getPublicKeyAsync(seed)).toString('hex');
          const signature = signer({ publicKey, secretKey: Buffer.from(seed).toString('hex') })(message);
          expect(etc.bytesToHex(signature)).toBe(etc.bytesToHex(await signAsync(message, seed)));
          expect(verifySignature(publicKey, message, signature)).toBe(true);
          expect(await verifyAsync(signature, message, etc.hexToBytes(publicKey))).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('refuse a signature of which any bit was changed', () => {
    const keys = generateKeyPair();
    const message = Buffer.from('message');
    const signature = signer(keys)(message);
    fc.assert(
      fc.property(fc.nat(63), fc.nat(7), (at, bit) => {
        const changed = Uint8Array.from(signature);
        changed[at]! ^= 1 << bit;
        expect(verifySignature(keys.publicKey, message, changed)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('take anything for a key or a signature without throwing', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array(),
        (text, key, bytes) => {
          expect(verifySignature(text, bytes, new Uint8Array(64))).toBe(false);
          expect(verifySignature(Buffer.from(key).toString('hex'), bytes, bytes)).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
    expect(isPublicKey('AB'.repeat(32))).toBe(false);
    expect(isPublicKey(generateKeyPair().publicKey)).toBe(true);
  });
});
