const bar = document.querySelector('progress');
const text = document.getElementById('progress');
const poll = async () => {
  const reply = await fetch(location.pathname + '/state');
  const state = reply.ok
    ? await reply.json()
    : { problem: 'The server answered with status ' + reply.status + '.' };
  if (state.ready) return location.reload();
  if (state.problem) {
    bar.remove();
    text.textContent = state.problem;
    return;
  }
  bar.value = state.share;
  text.textContent = state.message;
  setTimeout(poll, 500);
};
if (bar) poll();
