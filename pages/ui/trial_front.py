"""The browser's half of a trial: its HTML, CSS and JavaScript."""

HTML = """
<section class="trial" data-state="loading" tabindex="-1">
  <div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100"><div></div></div>
  <div class="where"><span class="label"></span><span class="count"></span><span class="note"></span>
    <span class="score"></span></div>
  <h1 class="question"></h1>
  <p class="narrow" role="alert"></p>
  <div class="stage"><div class="board">
    <section class="side left"><h2></h2><div class="cells"></div></section>
    <div class="centre">
      <div class="query upper"><img alt=""><span class="mark" aria-hidden="true"></span></div>
      <div class="answers upper" role="group"></div>
      <div class="middle">
        <span class="hint"><span class="words"></span> <span aria-hidden="true">→</span></span>
        <span class="said" role="status" aria-live="polite"></span>
        <button type="button" class="go" hidden></button>
      </div>
      <div class="answers lower" role="group"></div>
      <div class="query lower"><img alt=""><span class="mark" aria-hidden="true"></span></div>
    </div>
    <section class="side right"><h2></h2><div class="cells"></div></section>
  </div></div>
</section>
"""

# Sizes follow the room there is: --q is a query's side, --r an example's. Images lie on IMI's grey.
CSS = """
.trial { box-sizing: border-box; height: var(--height, 100dvh); padding: 10px 20px 12px; display: flex;
         flex-direction: column; gap: 6px; color: var(--st-text-color); font-family: var(--st-font);
         font-size: clamp(16px, 1.9vh, 20px); line-height: 1.3; outline: none; overflow: hidden;
         --good: #0b7a3b; --bad: #b42318; --grey: #747474; --ink: var(--st-text-color); }
.trial[data-dark] { --good: #57d08d; --bad: #ff8f83; }
.bar { height: 6px; border-radius: 3px; background: var(--st-secondary-background-color); flex: none; overflow: hidden; }
.bar div { height: 100%; background: var(--st-primary-color); border-radius: 3px; }
.bar[hidden], .where span:empty { display: none; }
.where { display: flex; gap: 16px; align-items: baseline; flex: none; font-variant-numeric: tabular-nums; min-height: 21px; }
.label { font-weight: 700; }
.note { font-weight: 600; border: 1px solid currentColor; border-radius: 4px; padding: 0 8px; }
.score { margin-left: auto; }
.question { font: inherit; font-size: clamp(18px, 2.6vh, 26px); text-align: center; margin: 0; padding: 0; flex: none;
            line-height: 1.25; color: inherit; text-wrap: balance; }
.question strong { font-weight: 750; }
.stage { flex: 1; min-height: 0; container-type: size; }
.board { --g: 6px; --v: clamp(6px, 1.5cqh, 12px); --b: clamp(38px, 6cqh, 48px); --m: clamp(40px, 6.4cqh, 52px); --gap: clamp(14px, 2.6cqw, 56px);
         --q: min(300px, 18.5cqw, (100cqh - 2 * var(--b) - var(--m) - 4 * var(--v) - 12px) / 2);
         --c: max(var(--q), 236px);
         --r: min(240px, (100cqh - 34px - 2 * var(--g)) / 3, (100cqw - var(--c) - 2 * var(--gap) - 4 * var(--g)) / 6);
         height: 100cqh; display: flex; justify-content: center; align-items: center; gap: var(--gap); }
.side h2 { font: inherit; font-weight: 650; margin: 0 0 8px; padding: 0; text-align: center;
           line-height: 26px; color: inherit; }
.cells { display: grid; grid-template-columns: repeat(3, var(--r)); grid-auto-rows: var(--r); gap: var(--g); }
.cell, .query { background: var(--grey); overflow: hidden; border-radius: 3px; box-sizing: border-box;
               border: 1px solid var(--grey); }
.cells img, .query img { display: block; width: 100%; height: 100%; object-fit: contain; }
img.small { image-rendering: pixelated; }
.centre { display: flex; flex-direction: column; align-items: center; gap: var(--v); width: var(--c); flex: none; }
.query { width: var(--q); height: var(--q); position: relative; overflow: visible; }
.query::after { content: ""; position: absolute; inset: -6px; border: 5px solid transparent; border-radius: 6px;
                pointer-events: none; }
.query.chosen::after { border-color: var(--ink); }
.query.good::after { border-color: var(--good); }
.query.bad::after { border-color: var(--bad); border-style: dashed; }
.mark { position: absolute; top: 0; right: 0; min-width: 34px; height: 34px; line-height: 34px; text-align: center;
        font-size: 20px; font-weight: 700; color: var(--st-background-color); border-radius: 0 3px 0 8px; display: none; }
.good .mark { display: block; background: var(--good); }
.bad .mark { display: block; background: var(--bad); }
.answers { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; width: 100%; height: var(--b); flex: none; }
button { font: inherit; font-weight: 650; color: inherit; background: var(--st-secondary-background-color);
         border: 1.5px solid var(--edge); border-radius: var(--st-base-radius); cursor: pointer; padding: 0;
         --edge: color-mix(in srgb, var(--st-text-color) 62%, var(--st-background-color)); }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.answers button { font-size: 19px; position: relative; }
.answers kbd { position: absolute; right: 5px; top: calc(50% - 9px); min-width: 16px; height: 18px; box-sizing: border-box;
               font: 500 12px/15px var(--st-font); border: 1px solid color-mix(in srgb, currentColor 38%, transparent);
               border-bottom-width: 2px; border-radius: 4px; color: color-mix(in srgb, currentColor 76%, transparent); }
@media (hover: none) and (pointer: coarse) { .answers kbd { display: none; } }
.answers button:enabled:hover { background: var(--st-primary-color); border-color: var(--st-primary-color);
                                color: var(--st-background-color); }
.answers button:disabled { cursor: default; background: transparent; border-style: dashed; font-weight: 400;
         --edge: var(--st-border-color); color: color-mix(in srgb, var(--st-text-color) 45%, var(--st-background-color)); }
.answers button.chosen, .answers button.chosen:disabled { background: var(--ink); color: var(--st-background-color);
         border: 1.5px solid var(--ink); font-weight: 700; }
.middle { height: var(--m); width: 100%; display: flex; align-items: center; justify-content: center; gap: 12px; flex: none; }
.said:empty { display: none; }
.said { font-weight: 700; font-size: 17px; white-space: nowrap; }
.said.good { color: var(--good); }
.said.bad { color: var(--bad); }
.go { padding: 0 14px; height: 38px; background: var(--st-primary-color); border-color: var(--st-primary-color);
      color: var(--st-background-color); font-size: 16px; }
.go:hover { filter: brightness(1.08); }
.go[hidden], .hint[hidden] { display: none; }
.trial[data-state="loading"] .stage { visibility: hidden; }
.narrow { display: none; margin: auto; max-width: 30em; text-align: center; font-weight: 600; }
@media (max-width: 639px), (max-height: 439px) {
  .trial .stage, .trial .question { display: none; }
  .narrow { display: block; }
}
"""

# One object a mounted component, kept at its element: the function below runs again with every
# message, and Streamlit calls only the last run's clean-up, when the component goes.
# The clock starts when every image is decoded and the frame that shows them is through.
JS = """
class Trial {
  constructor(root) {
    this.root = root;
    this.id = null;
    this.state = 'loading';
    this.timers = [];
    const find = (selector) => root.querySelector(selector);
    this.parts = Object.fromEntries(
      ['bar', 'label', 'count', 'note', 'score', 'question', 'hint', 'said', 'go'].map((n) => [n, find('.' + n)]));
    this.queries = [find('.query.upper'), find('.query.lower')];
    this.images = this.queries.map((q) => q.querySelector('img'));
    for (const side of ['left', 'right']) {
      for (let number = 1; number <= 9; number += 1) {
        const cell = document.createElement('div'), image = document.createElement('img');
        cell.className = 'cell';
        cell.appendChild(image);
        find(`.side.${side} .cells`).appendChild(cell);
        this.images.push(image);
      }
    }
    this.buttons = [];
    for (const row of ['upper', 'lower']) {
      for (let confidence = 1; confidence <= 3; confidence += 1) {
        const button = document.createElement('button'), number = this.buttons.length;
        const key = document.createElement('kbd');
        button.type = 'button';
        key.textContent = number + 1;
        button.append(confidence, key);
        button.disabled = true;
        button.setAttribute('aria-keyshortcuts', number + 1);
        button.onclick = () => this.answer(number);
        find(`.answers.${row}`).appendChild(button);
        this.buttons.push(button);
      }
    }
    this.parts.go.onclick = () => this.goOn();
    this.onKey = (event) => this.key(event);
    this.onHide = () => { if ((document.hidden || this.narrow()) && this.onset !== null) this.hidden = true; };
    document.addEventListener('keydown', this.onKey);
    document.addEventListener('visibilitychange', this.onHide);
    window.addEventListener('resize', this.onHide);
  }

  // In a window too small for the images, none are shown and none are answered.
  narrow() { return getComputedStyle(this.root.querySelector('.stage')).display === 'none'; }

  end() {
    this.id = null;
    this.stop();
    document.removeEventListener('keydown', this.onKey);
    document.removeEventListener('visibilitychange', this.onHide);
    window.removeEventListener('resize', this.onHide);
  }

  stop() {
    this.timers.forEach(clearTimeout);
    this.timers = [];
    clearInterval(this.repeats);
  }

  say(words) {
    this.words = words;
    const find = (selector) => this.root.querySelector(selector);
    this.parts.bar.setAttribute('aria-label', words.progress);
    find('.hint .words').textContent = words.hint;
    this.parts.go.textContent = words.go;
    find('.narrow').textContent = words.small;
    ['upper', 'lower'].forEach((row, number) => {
      this.images[number].alt = words.images[number];
      find(`.answers.${row}`).setAttribute('aria-label', words.images[number]);
    });
    ['left', 'right'].forEach((side, number) => {
      find(`.side.${side} h2`).textContent = words[side];
      for (let cell = 0; cell < 9; cell += 1) this.images[2 + 9 * number + cell].alt = `${words[side]} ${cell + 1}`;
    });
    this.buttons.forEach((button, number) => {
      button.title = words.keys[number];
      button.setAttribute('aria-label', words.answers[number]);
    });
  }

  later(from, milliseconds, what) {
    const id = this.id;
    const go = () => { if (this.id === id) what(); };
    this.timers.push(setTimeout(go, Math.max(0, from + milliseconds - performance.now())));
  }

  set(state) {
    this.state = state;
    this.root.dataset.state = state;
    for (const button of this.buttons) button.disabled = state !== 'open';
  }

  take(data, send) {
    this.data = data;
    this.send = send;
    this.root.style.setProperty('--height', data.height);
    const rgb = (getComputedStyle(this.root).color.match(/[\\d.]+/g) || [0, 0, 0]).map(Number);
    this.root.toggleAttribute('data-dark', rgb[0] + rgb[1] + rgb[2] > 380);
    const id = `${data.nonce} ${data.attempt}`;
    if (id !== this.id) {
      if (data.images) this.begin(id, data);
      else send('need', data.nonce);
    }
    if (id === this.id && data.verdict) this.judged(data.verdict);
  }

  async begin(id, data) {
    const came = performance.now();
    this.stop();
    this.id = id;
    this.onset = null;
    this.hidden = false;
    this.verdict = null;
    this.answered = null;
    this.set('loading');
    this.say(data.words);
    const { bar, label, count, note, score, question, hint, said, go } = this.parts;
    bar.hidden = data.progress === null;
    const percent = Math.round(100 * (data.progress || 0));
    bar.setAttribute('aria-valuenow', percent);
    bar.firstElementChild.style.width = `${percent}%`;
    label.textContent = data.label;
    count.textContent = data.count;
    note.textContent = data.note;
    score.textContent = data.score;
    question.replaceChildren(...data.question.map(([element, text]) => {
      const span = document.createElement(element);
      span.textContent = text;
      return span;
    }));
    this.root.setAttribute('aria-label', [data.label, data.count].join(' '));
    hint.hidden = false;
    go.hidden = true;
    said.textContent = '';
    said.className = 'said';
    for (const query of this.queries) query.className = query.className.replace(/ (chosen|good|bad)/g, '');
    for (const button of this.buttons) button.classList.remove('chosen');
    this.home();
    await Promise.allSettled(this.images.map((image, number) => {
      image.src = data.images[number];
      return image.decode();
    }));
    if (this.id !== id) return;
    for (const image of this.images) image.classList.toggle('small', Math.max(image.naturalWidth, image.naturalHeight) <= 112);
    this.set(this.verdict ? 'answered' : 'locked');
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (this.id !== id || this.verdict) return;
      this.onset = performance.now();
      this.load = this.onset - came;
      this.hidden = this.narrow();
      this.later(this.onset, data.lock, () => { if (this.answered === null) this.set('open'); });
    }));
  }

  key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const target = event.composedPath()[0];
    if (!(target instanceof Element) || target.closest('input, textarea, select, [contenteditable], [role=dialog]')) return;
    if (event.key === 'Enter') {
      const ours = this.root.contains(target);
      if (this.parts.go.hidden || (!ours && target.closest('button, a, summary, [role=button]'))) return;
      event.preventDefault();
      this.goOn();
      return;
    }
    const digit = /^[1-6]$/.test(event.key) ? event.key : (/^(?:Digit|Numpad)([1-6])$/.exec(event.code) || [])[1];
    if (digit && this.state === 'open') {
      event.preventDefault();
      this.answer(Number(digit) - 1);
    }
  }

  answer(button) {
    if (this.state !== 'open' || this.answered !== null || this.narrow()) return;
    const now = performance.now();
    this.answered = now;
    const message = {
      nonce: this.data.nonce, button, rt: now - this.onset, load: this.load, hidden: this.hidden };
    this.set('answered');
    this.buttons[button].classList.add('chosen');
    this.chosen = this.queries[button < 3 ? 0 : 1];
    this.chosen.classList.add('chosen');
    this.parts.hint.hidden = true;
    this.insist('answer', message);
  }

  // Said again until the next message comes: the line may be down for a while.
  insist(event, value) {
    clearInterval(this.repeats);
    this.send(event, value);
    const { said, go } = this.parts;
    this.repeats = setInterval(() => {
      said.className = 'said';
      said.textContent = this.words.waiting;
      go.hidden = true;
      this.send(event, value);
    }, 5000);
  }

  judged(verdict) {
    if (this.verdict) return;
    clearInterval(this.repeats);
    this.verdict = verdict;
    const { said, score, go, hint } = this.parts;
    const { feedbackAfter, continueAfter, continues } = this.data;
    const answered = this.answered === null ? -Infinity : this.answered;
    if (this.answered === null) this.set('answered');
    hint.hidden = true;
    said.textContent = '';
    if (verdict.right === null) {
      this.later(answered, feedbackAfter, () => { if (continues) this.goOn(); });
      return;
    }
    this.later(answered, feedbackAfter, () => {
      const name = verdict.right ? 'good' : 'bad', sign = verdict.right ? '✓' : '✗';
      said.className = `said ${name}`;
      said.textContent = this.words[name];
      if (this.chosen) {
        this.chosen.classList.add(name);
        this.chosen.querySelector('.mark').textContent = sign;
      }
      if (verdict.score !== null) score.textContent = verdict.score;
    });
    if (continues) this.later(answered, continueAfter, () => {
      go.hidden = false;
      go.focus({ preventScroll: true });
    });
  }

  // Focus that would vanish with its button goes to the whole: Tab finds the first button from there.
  home() {
    const inside = this.root.getRootNode().activeElement;
    if (inside && this.root.contains(inside)) this.root.focus({ preventScroll: true });
  }

  goOn() {
    if (!this.verdict || this.state === 'leaving') return;
    this.set('leaving');
    this.home();
    this.parts.go.hidden = true;
    this.insist('go_on', this.data.nonce);
  }
}

export default function (component) {
  const root = component.parentElement.querySelector('.trial');
  root.lexplainTrial ||= new Trial(root);
  root.lexplainTrial.take(component.data, component.setTriggerValue);
  return () => { root.lexplainTrial.end(); delete root.lexplainTrial; };
}
"""
