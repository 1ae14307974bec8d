// Three servers of AWS behind the policies of examples/aws, with moto in AWS's place: what may be done is done there, and of
// the rest nothing arrives, neither there nor at the server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Aws } from '../lib/aws.mjs';
import { Gateway, until } from '../lib/gateway.mjs';
import { Session, decision, text } from '../lib/session.mjs';
import { roomInWindow } from '../lib/windows.mjs';

const MINUTE = 60_000;
const SLOW = { timeout: 60_000 };
const file = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const names = ['healthomics', 'timestream', 'aws-api'];
const policy = (name) => JSON.parse(file(`examples/aws/${name}.policy.json`));
let aws, gateway;
const sessions = {};

before(async () => {
  aws = await Aws.start();
  gateway = await new Gateway({ servers: Object.fromEntries(names.map((name) => [name, aws.entry(name, { policy: policy(name) })])) }).start();
  const { token } = await gateway.grant('aws', '*');
  await Promise.all(names.map(async (name) => {
    sessions[name] = await Session.open(gateway.endpoint(name), token, SLOW);
  }));
});
after(async () => {
  for (const session of Object.values(sessions)) session.close();
  await gateway?.close();
  aws?.close();
});

test('the example names the versions that are tested here', () => {
  const { mcpServers } = JSON.parse(file('examples/aws/warder.json'));
  assert.deepEqual(Object.keys(mcpServers), names);
  for (const { args } of Object.values(mcpServers)) assert.ok(file('tests/requirements.txt').split('\n').includes(args[0]), args[0]);
});

describe('healthomics', () => {
  const job = (n) => ({
    sequence_store_id: '1234567890', destination_s3_uri: `s3://exports/${n}/`, role_arn: 'arn:aws:iam::123456789012:role/export', read_set_ids: ['1234567890'],
  });
  const start = (args) => sessions.healthomics.call('StartAHOReadSetExportJob', args, SLOW);

  test('of 73 tools those are listed that the policy speaks of', async () => {
    const tools = await sessions.healthomics.tools();
    assert.equal(tools.length, 36);
    assert.deepEqual(tools.filter((name) => !/^(List|Get)AHO/.test(name)), ['StartAHOReadSetExportJob']);
  });

  test('StartAHOReadSetExportJob reaches the server ten times a minute, and the eleventh time does not', async () => {
    await roomInWindow(MINUTE, 25_000);
    const answers = [];
    for (let n = 1; n <= 10; n++) answers.push(await start(job(n)));
    const eleventh = await start(job(11));
    const left = MINUTE - (Date.now() % MINUTE);
    // This version of the server fails in its own check of what it would send: these are its words.
    for (const answer of answers) assert.match(text(answer), /Error starting read set export job/, JSON.stringify(answer));
    assert.deepEqual(aws.calls('healthomics').map((call) => [call.name, call.arguments]), answers.map((answer, n) => ['StartAHOReadSetExportJob', job(n + 1)]));
    assert.equal(eleventh.result.isError, true);
    assert.match(text(eleventh), /^\[POLICY DENIED\] .*10/);
    const told = decision(eleventh);
    assert.deepEqual([told.code, told.rule, told.limit, told.remaining], ['rate_limited', '/tools/StartAHOReadSetExportJob/rate_limit', 10, 0]);
    assert.ok(told.retry_after_ms > 0 && Math.abs(told.retry_after_ms - left) < 5000, `retry_after_ms ${told.retry_after_ms}, ${left} left`);
  });

  test('another account is denied before the limit is asked', async () => {
    const seen = aws.calls('healthomics').length;
    const answer = await start({ ...job(12), aws_profile: 'production' });
    assert.deepEqual([decision(answer).code, decision(answer).rule], ['deny_if', '/all_tools/deny_if/0']);
    assert.equal(aws.calls('healthomics').length, seen);
  });
});

describe('timestream', () => {
  const call = (name, args) => sessions.timestream.call(name, args, SLOW);
  const database = { db_instance_name: 'metrics', db_instance_type: 'db.influx.medium', password: 'only-for-a-test', allocated_storage_gb: 20, vpc_security_group_ids: ['sg-1'], vpc_subnet_ids: ['subnet-1'], tool_write_mode: true };
  const listed = async () => JSON.parse(text(await call('ListDbInstances', {}))).items.map((item) => item.name);
  let id;

  test('a database is created, and listed then', async () => {
    assert.deepEqual(await listed(), []);
    const { value, log } = await aws.reached(() => call('CreateDbInstance', database));
    const made = JSON.parse(text(value));
    assert.equal(made.name, 'metrics', JSON.stringify(value));
    assert.deepEqual(log, ['POST /']);
    ({ id } = made);
    assert.deepEqual(await listed(), ['metrics']);
  });

  test('DeleteDbInstance is hidden: not listed, and answered byte for byte as an unknown tool', async () => {
    assert.deepEqual((await sessions.timestream.tools()).filter((name) => /Delete/.test(name)), []);
    const seen = aws.calls('timestream').length;
    const answer = async (name) => {
      const { status, headers, body, message } = await sessions.timestream.rpc('tools/call', { name, arguments: { identifier: id, tool_write_mode: true } });
      delete headers.date;
      return { status, headers: { ...headers, 'content-length': 0 }, body: body.replaceAll(name, 'NAME').replace(`"id":${message.id}`, '"id":0'), code: message.error.code };
    };
    const { value, log } = await aws.reached(async () => [await answer('DeleteDbInstance'), await answer('DeleteDbInstanze'), await answer('ShowDbInstance')]);
    assert.equal(value[0].code, -32602);
    assert.deepEqual(value[0], value[1]);
    assert.deepEqual(value[0], value[2]);
    assert.deepEqual(log, []);
    assert.equal(aws.calls('timestream').length, seen);
    assert.deepEqual(await listed(), ['metrics']);
  });

  test('a denied tool says the policy\'s reason', async () => {
    const { value, log } = await aws.reached(() => call('UpdateDbInstance', { identifier: id, tool_write_mode: true }));
    assert.equal(text(value), '[POLICY DENIED] Databases are changed by people.');
    assert.deepEqual(log, []);
  });
});

describe('call_aws', () => {
  const run = (command) => sessions['aws-api'].call('call_aws', { cli_command: command }, SLOW);
  const responses = (answer) => answer.result.structuredContent.result.map((one) => JSON.parse(one.response?.as_json ?? '{}'));
  const trap = createServer((socket) => { trapped++; socket.destroy(); });
  let trapped = 0, elsewhere;

  before(async () => {
    await new Promise((done) => trap.listen(0, '127.0.0.1', done));
    elsewhere = `http://127.0.0.1:${trap.address().port}`;
    const { status } = await fetch(`${aws.url}/keep`, { method: 'PUT' });
    assert.equal(status, 200);
  });
  after(() => trap.close());

  const allowed = [
    'aws s3api list-buckets',
    '  aws   s3api\tlist-buckets ',
    'aws "s3api" \'list-buckets\'',
    'aws s3api "list-"buckets --region us-east-1',
    ['aws s3api list-buckets', 'aws s3api list-objects-v2 --bucket keep'],
  ];
  for (const command of allowed) {
    test(`runs: ${JSON.stringify(command)}`, async () => {
      const { value, log } = await aws.reached(() => run(command));
      assert.equal(decision(value), undefined, JSON.stringify(value));
      assert.deepEqual(responses(value)[0].Buckets.map((bucket) => bucket.Name), ['keep']);
      assert.equal(log.length, [command].flat().length);
      assert.equal(log[0], 'GET /');
    });
  }

  const rest = 's3api delete-bucket --bucket keep';
  const bare = `aws ${rest}`;
  const list = 'aws s3api list-buckets';
  const denied = [
    bare, `  aws  \t ${rest}`, `aws\ts3api\tdelete-bucket\t--bucket\tkeep`, `aws\n${rest}`, `aws s3api\rdelete-bucket --bucket keep`, `aws\v${rest}`, `aws\f${rest}`,
    'aws s3api "delete-bucket" --bucket keep', 'aws s3api \'delete-bucket\' --bucket keep', 'aws s3api del"ete-buc"ket --bucket keep', 'aws "s3api" d\'elete\'-bucket --bucket=keep',
    'aws s3api delete\\-bucket --bucket keep', 'aws s3api \\delete-bucket --bucket keep', 'a\\ws s3api delete-bucket --bucket keep', `aws \\\n${rest}`,
    `${list}; ${bare}`, `${list};${bare}`, `${list} && ${bare}`, `${list} || ${bare}`, `${list} | ${bare}`, `${list} & ${bare}`, `${list}\n${bare}`, `${list}\r\n${bare}`,
    `${list} $(${bare})`, `${list} \`${bare}\``, `${list} --query "$(${bare})"`, `${list} --query "\`${bare}\`"`, `${list} <(${bare})`, `${list} > /tmp/keep`,
    `(${bare})`, `{ ${bare}; }`, 'aws s3api {delete,list}-bucket --bucket keep', 'aws s3api dele*-bucket --bucket keep', 'aws s3api delete-bucke? --bucket keep', 'aws s3api delete-bucke[t] --bucket keep',
    `aws --region us-east-1 ${rest}`, `aws --output json ${rest}`, `aws --endpoint-url {elsewhere} ${rest}`, 'aws s3api --region us-east-1 delete-bucket --bucket keep',
    'aws s3api --bucket list-buckets delete-bucket --bucket keep', 'aws s3 rb s3://keep', 'aws s3 rb s3://keep --force', 'aws configure set list-buckets s3api',
    'AWS S3API DELETE-BUCKET --bucket keep', 'aws s3api Delete-Bucket --bucket keep', 'AWS s3api list-buckets', 'aws s3api LIST-BUCKETS',
    `aws\u00a0${rest}`, `aws\u2003${rest}`, `aws\u3000${rest}`, `\ufeff${bare}`, 'aws s3api\u200b delete-bucket --bucket keep', 'aws s3api \uff44elete-bucket --bucket keep', `${list}\u2028${bare}`, `${list}\u0085${bare}`,
    `AWS_REGION=us-east-1 ${bare}`, `env ${bare}`, `/usr/bin/${bare}`, `sudo ${bare}`, `sh -c "${bare}"`, `${list} # ${bare}`, `# ${list}\n${bare}`,
    `cat <<< "${bare}"`, `sh <<EOF\n${bare}\nEOF`, 'aws s3api $\'delete-bucket\' --bucket keep', 'aws s3api $"delete-bucket" --bucket keep', 'aws s3api ${X:-delete-bucket} --bucket keep', `!aws ${rest}`, `~/aws ${rest}`,
    `aws\u0000${rest}`, `${list} \u001b[A${bare}`, `"${bare}"`, `'${bare}`, `${list} "`, '', ' ', 'aws', 'aws s3api', 'aws s3api list', [], [''], [bare], [list, bare], [bare, list], [list, [bare]], [list, null], [list, { cli_command: bare }],
    null, 7, true, {}, { 0: bare }, 'x'.repeat(17_000), `${list} ${' '.repeat(17_000)}; ${bare}`,
  ];
  const leading = [
    '--endpoint-url {elsewhere}', '--endpoint-url={elsewhere}', '"--endpoint-url" {elsewhere}', '--endpoint\\-url {elsewhere}', '--end"point-url={elsewhere}"', '--endpoint {elsewhere}', '--en={elsewhere}', '--e {elsewhere}',
    '--profile other', '--p other', '--pr=other', '--ca-bundle /etc/passwd', '--no-verify-ssl', '--no-sign-request', '--cli-input-json file:///etc/passwd', '--prefix {elsewhere}', '--prefix fileb:///etc/passwd',
  ].map((options) => `${list} ${options}`);

  test(`${denied.length + leading.length} spellings of what it may not are denied, and nothing arrives`, async () => {
    const place = (command) => (typeof command === 'string' ? command.replace('{elsewhere}', elsewhere) : command);
    const seen = aws.calls('aws-api').length;
    const { log } = await aws.reached(async () => {
      for (const command of [...denied, ...leading].map(place)) {
        const answer = await run(command);
        assert.equal(decision(answer)?.code, 'require', JSON.stringify([command, answer]).slice(0, 1000));
        assert.equal(decision(answer).rule, '/tools/call_aws/require/0');
        assert.match(text(answer), /^\[POLICY DENIED\] ./);
      }
    });
    assert.deepEqual(log, []);
    assert.equal(trapped, 0);
    assert.equal(aws.calls('aws-api').length, seen);
    assert.deepEqual(responses(await run(list))[0].Buckets.map((bucket) => bucket.Name), ['keep'], 'the bucket still stands');
  });

  test('without the policy the same server does what these say', async () => {
    gateway.writePolicy('aws-api', { version: '1', default: 'allow' });
    await until(async () => (await sessions['aws-api'].tools()).includes('suggest_aws_commands'), 'the open policy', 30_000);
    for (const command of [bare, `aws\n${rest}`, 'aws s3api del"ete-buc"ket --bucket keep', `aws --region us-east-1 ${rest}`]) {
      const { log } = await aws.reached(() => run(command));
      assert.deepEqual(log, ['DELETE /keep'], command);
      await fetch(`${aws.url}/keep`, { method: 'PUT' });
    }
    await run(`${list} --e ${elsewhere}`);
    assert.ok(trapped > 0, 'an abbreviated option leads elsewhere');
  });
});
