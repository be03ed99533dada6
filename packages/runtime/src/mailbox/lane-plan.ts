import { type Logger, messageOf, Ring, TuttiError } from '@tutti/kernel';
import type { EventObject, Snapshot } from 'xstate';
import { DeferringLane } from './deferring-lane.ts';
import {
  MAILBOX_LIMIT_DEFAULT,
  MAILBOX_LIMIT_MAX,
  type MailboxOptions,
  type MailboxOverflow,
  PRIORITY_LANES_MAX,
  type PriorityOptions,
} from './mailbox-options.ts';
import { type LaneOrder, PriorityLanes } from './priority-lanes.ts';
import { URGENCY_LANES, urgencyLaneOf } from './urgency-lanes.ts';
import type { OrderedLane, UserMessage } from './user-lane.ts';

const STARVATION_BOUND_DEFAULT = 16;
const DEFER_LIMIT_DEFAULT = 1_000;
const STASH_LIMIT_DEFAULT = 1_000;

/** Whose lane it is. */
export interface LaneHost {
  readonly address: string;
  readonly snapshot: Snapshot<unknown> | undefined;
  readonly logger: Logger;
  stashIsFull(message: UserMessage): void;
}

/** {@link MailboxOptions} with everything filled in. */
export interface MailboxPlan {
  readonly limit: number;
  readonly overflow: MailboxOverflow;
  /** With `defer`: how many may wait in all. */
  readonly limitWithDeferred: number;
  readonly stashLimit: number;
  /** Makes the lane of an actor that wants more than one plain line. */
  readonly laneFor: ((host: LaneHost) => OrderedLane) | undefined;
}

type DeferredTypes = (snapshot: Snapshot<unknown>) => readonly string[];

/**
 * Fills options in.
 * @param ofMachine What the logic itself puts off.
 * @throws TuttiError `TUTTI_OPTION_INVALID`
 */
export function mailboxPlan(options: MailboxOptions, ofMachine: DeferredTypes | undefined): MailboxPlan {
  const { overflow = 'reject', defer } = options;
  if (!OVERFLOWS.has(overflow))
    throw new TuttiError('TUTTI_OPTION_INVALID', {
      option: 'mailbox.overflow',
      value: overflow,
      expected: [...OVERFLOWS].join(', '),
    });
  const limit = mailboxBound('limit', options.limit ?? MAILBOX_LIMIT_DEFAULT);
  const deferLimit = mailboxBound('deferLimit', options.deferLimit ?? DEFER_LIMIT_DEFAULT);
  const stashLimit = mailboxBound('stashLimit', options.stashLimit ?? STASH_LIMIT_DEFAULT);
  const rest = {
    limit,
    overflow,
    stashLimit,
    limitWithDeferred: Math.min(limit + deferLimit, MAILBOX_LIMIT_MAX),
  };
  const priority = options.priority && givenPriority(options.priority);
  const typesOf =
    defer && ofMachine ? (of: Snapshot<unknown>) => [...ofMachine(of), ...defer(of)] : (defer ?? ofMachine);
  if (!priority && !typesOf) return { ...rest, laneFor: undefined };
  const laneFor = (host: LaneHost): OrderedLane => {
    const lanes = priority && new PriorityLanes(laneOrder(priority, host));
    return typesOf ? deferring(lanes, typesOf, stashLimit, host) : lanes!;
  };
  return { ...rest, laneFor };
}

const OVERFLOWS: ReadonlySet<MailboxOverflow> = new Set(['drop-new', 'drop-old', 'reject', 'defer']);

const mailboxBound = (option: string, value: number): number =>
  value === Infinity ? MAILBOX_LIMIT_MAX : whole(`mailbox.${option}`, value, 1, MAILBOX_LIMIT_MAX);

function whole(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const expected = `a whole number from ${String(least)} to ${String(most)}`;
  throw new TuttiError('TUTTI_OPTION_INVALID', { option, value: String(value), expected });
}

/** By urgency, unless both the lanes and who belongs where are given. */
function givenPriority(given: PriorityOptions | 'urgency'): Required<PriorityOptions> {
  const { lanes, laneOf, starvationBound = STARVATION_BOUND_DEFAULT } = given === 'urgency' ? {} : given;
  if ((lanes === undefined) !== (laneOf === undefined))
    throw new TuttiError('TUTTI_OPTION_INVALID', {
      option: 'mailbox.priority',
      value: lanes === undefined ? 'laneOf without lanes' : 'lanes without laneOf',
      expected: 'both lanes and laneOf, or neither for lanes by urgency',
    });
  whole('mailbox.priority.starvationBound', starvationBound, 1, MAILBOX_LIMIT_MAX);
  if (lanes === undefined || laneOf === undefined)
    return { lanes: URGENCY_LANES, laneOf: urgencyLaneOf, starvationBound };
  return { lanes: whole('mailbox.priority.lanes', lanes, 2, PRIORITY_LANES_MAX), laneOf, starvationBound };
}

function laneOrder(options: Required<PriorityOptions>, host: LaneHost): LaneOrder {
  const { lanes, starvationBound } = options;
  const laneOf = (event: EventObject): number => {
    try {
      const lane = options.laneOf(event);
      if (Number.isInteger(lane) && lane >= 0 && lane < lanes) return lane;
    } catch (error) {
      const fields = { actor: host.address, event: event.type, problem: messageOf(error) };
      host.logger.error(fields, 'laneOf threw: the message goes to the least urgent lane');
    }
    return lanes - 1;
  };
  return { lanes, laneOf, starvationBound };
}

function deferring(
  lanes: PriorityLanes | undefined,
  typesOf: DeferredTypes,
  limit: number,
  host: LaneHost,
): DeferringLane {
  return new DeferringLane(lanes ?? new Ring<UserMessage>(MAILBOX_LIMIT_MAX), {
    limit,
    snapshot: () => host.snapshot,
    typesOf: (snapshot) => {
      try {
        return typesOf(snapshot);
      } catch (error) {
        host.logger.error(
          { actor: host.address, problem: messageOf(error) },
          'defer threw: nothing is put off',
        );
        return [];
      }
    },
    full: (message) => host.stashIsFull(message),
  });
}
