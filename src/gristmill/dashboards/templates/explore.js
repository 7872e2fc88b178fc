const box = document.getElementById('explore');
if (box) box.addEventListener('toggle', () => {
  if (!box.open || box.querySelector('iframe')) return;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const frame = document.createElement('iframe');
  frame.title = 'Notebook';
  frame.src = box.dataset.src + '&theme=' + (dark ? 'dark' : 'light');
  box.append(frame);
});
