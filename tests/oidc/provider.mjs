// An OpenID provider that is not ours, for tests: `node provider.mjs PORT`, with the client's settings
// as JSON on the first line of the input. It says "ready" once it listens. Each further line is a
// command: "rotate" makes a new key and forgets the old one. It ends with its input.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { Provider } from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const accounts = {
  anna: { preferred_username: 's2107001', name: '王雨桐', kind: 'student', groups: ['students'], amr: ['pwd'] },
  ben: { preferred_username: 'b0101', name: '林静怡', kind: 'staff', groups: ['staff', 'library-desk'] },
  erin: { preferred_username: 'e2607001', name: 'Erin O’Neill', kind: 'student', groups: ['exchange'] },
  helga: { preferred_username: 'b0202', name: 'Helga Kranz', kind: 'staff', groups: ['library-head'] },
  mallory: { preferred_username: 'alumni:s2107001', name: '冒名' },
  nobody: { name: '无号' },
};

function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function provider(client) {
  const made = new Provider(issuer, {
    clients: [client],
    jwks: { keys: [key()] },
    cookies: { keys: ['tests'] },
    claims: { openid: ['sub', 'sid'], profile: ['preferred_username', 'name', 'kind', 'groups'] },
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    // By itself it calls no address of this machine.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  });
  made.on('server_error', (_, error) => console.error(error));
  made.on('backchannel.error', (_, error) => console.error(error));
  return made.callback();
}

const lines = createInterface({ input: process.stdin });
let client;
let answer;
lines.on('line', (line) => {
  if (line === 'rotate') {
    answer = provider(client);
    console.log('rotated');
    return;
  }
  client = JSON.parse(line);
  answer = provider(client);
  createServer((request, response) => answer(request, response)).listen(port, '127.0.0.1', () => console.log('ready'));
});
lines.on('close', () => process.exit(0));
