/** What is sent over the wire: about 100 bytes of MessagePack. */
export const NOTE = { type: 'NOTE', text: 'n'.repeat(82) } as const;

/** How often a receiver says how much it has. */
export const TELL_EVERY = 1_000;
