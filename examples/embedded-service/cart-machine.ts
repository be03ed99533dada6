import { reply } from 'tutti';
import { assign, setup } from 'xstate';

/** What a customer has in their cart, and what they ordered last. */
export interface CartView {
  readonly lines: Readonly<Record<string, number>>;
  /** Counts the orders of this customer; 0 before the first. */
  readonly orders: number;
  readonly lastOrder: Readonly<Record<string, number>>;
}

/** Why a request was not carried out. The cart is as it was. */
export interface CartRefusal {
  readonly refused: 'CART_FULL' | 'TOO_MANY' | 'CART_EMPTY';
}

interface CartContext extends CartView {
  /** The keys of the last requests that changed something, so that a repeated one changes nothing. */
  readonly recentKeys: readonly string[];
}

export type CartEvent =
  | { readonly type: 'add'; readonly key: string; readonly sku: string; readonly quantity: number }
  | { readonly type: 'remove'; readonly key: string; readonly sku: string }
  | { readonly type: 'order'; readonly key: string }
  | { readonly type: 'read' };

const LINES_MAX = 50;
const QUANTITY_MAX = 20;
/** A client repeats its last request, not one of last week. */
const RECENT_KEYS_MAX = 32;

/**
 * One customer's cart. It is plain XState: `reply` does nothing where nobody asked. As a durable entity, what it
 * answers has been committed, so an answer that was seen is never taken back by a crash.
 */
export const cartMachine = setup({
  types: { context: {} as CartContext, events: {} as CartEvent },
  guards: {
    repeated: ({ context, event }) => 'key' in event && context.recentKeys.includes(event.key),
    full: ({ context, event }) =>
      event.type === 'add' &&
      !Object.hasOwn(context.lines, event.sku) &&
      Object.keys(context.lines).length >= LINES_MAX,
    tooMany: ({ context, event }) =>
      event.type === 'add' && quantityOf(context, event.sku) + event.quantity > QUANTITY_MAX,
    empty: ({ context }) => Object.keys(context.lines).length === 0,
  },
}).createMachine({
  id: 'cart',
  context: { lines: {}, orders: 0, lastOrder: {}, recentKeys: [] },
  on: {
    read: { actions: reply(({ context }) => view(context)) },
    add: [
      { guard: 'repeated', actions: reply(({ context }) => view(context)) },
      { guard: 'full', actions: reply(() => refusal('CART_FULL')) },
      { guard: 'tooMany', actions: reply(() => refusal('TOO_MANY')) },
      {
        actions: [
          assign(({ context, event }) => ({
            lines: { ...context.lines, [event.sku]: quantityOf(context, event.sku) + event.quantity },
            recentKeys: remember(context, event.key),
          })),
          reply(({ context }) => view(context)),
        ],
      },
    ],
    remove: [
      { guard: 'repeated', actions: reply(({ context }) => view(context)) },
      {
        actions: [
          assign(({ context, event }) => ({
            lines: Object.fromEntries(Object.entries(context.lines).filter(([sku]) => sku !== event.sku)),
            recentKeys: remember(context, event.key),
          })),
          reply(({ context }) => view(context)),
        ],
      },
    ],
    order: [
      { guard: 'repeated', actions: reply(({ context }) => view(context)) },
      { guard: 'empty', actions: reply(() => refusal('CART_EMPTY')) },
      {
        actions: [
          assign(({ context, event }) => ({
            lines: {},
            orders: context.orders + 1,
            lastOrder: context.lines,
            recentKeys: remember(context, event.key),
          })),
          reply(({ context }) => view(context)),
        ],
      },
    ],
  },
});

function quantityOf(context: CartContext, sku: string): number {
  return Object.hasOwn(context.lines, sku) ? (context.lines[sku] ?? 0) : 0;
}

function remember(context: CartContext, key: string): readonly string[] {
  return [...context.recentKeys, key].slice(-RECENT_KEYS_MAX);
}

function view({ lines, orders, lastOrder }: CartContext): CartView {
  return { lines, orders, lastOrder };
}

function refusal(refused: CartRefusal['refused']): CartRefusal {
  return { refused };
}
