/** Links over real sockets. @module */
export type { ListenAddress } from './acceptor.ts';
export { createWsTransport, type WsTransport, type WsTransportOptions } from './ws-transport.ts';
