// The official clients, connected through a gateway's endpoint.
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const connect = (Client, Transport, label) => async (endpoint, token) => {
  const client = new Client({ name: label, version: '1' });
  await client.connect(new Transport(new URL(endpoint), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }));
  return client;
};

export const officialClients = {
  'sdk 1.32.2': connect(ClientV1, TransportV1, 'sdk-v1'),
  'client 2.4.0': connect(ClientV2, TransportV2, 'sdk-v2'),
};
