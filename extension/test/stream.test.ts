import { expect, test } from 'vitest';

import { Blocks, EventStream, type Message } from '../src/stream';

const TEXT = 'id: a:1\ndata: {"kind":"one"}\n\n: nothing new\n\nid: a:2\ndata: {"kind":"two"}\n\n';

test('events are the same however the text is cut', () => {
  const whole = new Blocks().push(TEXT);
  expect(whole.map(block => block.id)).toEqual(['a:1', 'a:2']);
  for (let at = 0; at <= TEXT.length; at++) {
    const blocks = new Blocks();
    expect([...blocks.push(TEXT.slice(0, at)), ...blocks.push(TEXT.slice(at))]).toEqual(whole);
  }
});

test('a stream that breaks goes on where it was', async () => {
  const asked: string[] = [];
  const heard: Message[] = [];
  const answers = [TEXT, 'id: a:3\ndata: {"kind":"three"}\n\n'];
  const done = new Promise<void>(resolve => {
    const stream = new EventStream(async last => {
      asked.push(last);
      const answer = answers.shift();
      if (answer === undefined) {
        stream.dispose();
        resolve();
        throw new Error('over');
      }
      return new Response(answer);
    });
    stream.received.connect((_, messages) => void heard.push(...messages));
    void stream.listen();
  });
  await done;
  expect(asked).toEqual(['', 'a:2', 'a:3']);
  expect(heard.map(message => message.kind)).toEqual(['one', 'two', 'three']);
});
