// A client of MCP 2026-07-28 over raw HTTP: no session, and fields that a test may change.
import { Session } from './session.mjs';

export const MODERN = '2026-07-28';
const PREFIX = 'io.modelcontextprotocol/';

export const meta = (more = {}) => ({
  [`${PREFIX}protocolVersion`]: MODERN, [`${PREFIX}clientInfo`]: { name: 'warder-tests', version: '1' }, [`${PREFIX}clientCapabilities`]: {}, ...more,
});
const encoded = (text) => (/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text) ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`);

export class Modern extends Session {
  version = MODERN;

  /** The fields of a message, as a list; `change` replaces (or with undefined removes) some, by name. */
  fieldsFor({ method, params }, change = {}) {
    const name = { 'tools/call': params?.name, 'prompts/get': params?.name, 'resources/read': params?.uri }[method];
    const fields = [...this.fields(), ['Mcp-Method', method], ...(typeof name === 'string' ? [['Mcp-Name', encoded(name)]] : [])];
    const changed = Object.keys(change).map((key) => key.toLowerCase());
    return [...fields.filter(([key]) => !changed.includes(key.toLowerCase())),
      ...Object.entries(change).flatMap(([key, value]) => (value === undefined ? [] : [value].flat().map((one) => [key, one])))];
  }

  /** A request with its _meta and fields; `fields` changes the latter. */
  async rpc(method, params = {}, { fields = {}, ...options } = {}) {
    const message = { jsonrpc: '2.0', id: this.next++, method, params: { _meta: meta(), ...params } };
    return this.post(message, { headers: this.fieldsFor(message, fields), ...options });
  }
}
