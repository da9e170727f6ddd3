// One object a mounted component, kept at its element: the function below runs again with every
// message, and Streamlit calls only the last run's clean-up, when the component goes. The clock starts
// when every image is decoded and the frame that shows them is through.
class Trial {
  constructor(root) {
    this.root = root;
    this.id = null;
    this.state = 'loading';
    this.timers = [];
    const find = (selector) => root.querySelector(selector);
    this.parts = Object.fromEntries(
      ['bar', 'label', 'count', 'note', 'score', 'question', 'hint', 'said', 'go'].map((n) => [
        n,
        find(`.${n}`),
      ]),
    );
    this.queries = [find('.query.upper'), find('.query.lower')];
    this.images = this.queries.map((q) => q.querySelector('img'));
    for (const side of ['left', 'right']) {
      for (let number = 1; number <= 9; number += 1) {
        const cell = document.createElement('div'),
          image = document.createElement('img');
        cell.className = 'cell';
        cell.appendChild(image);
        find(`.side.${side} .cells`).appendChild(cell);
        this.images.push(image);
      }
    }
    this.buttons = [];
    for (const row of ['upper', 'lower']) {
      for (let confidence = 1; confidence <= 3; confidence += 1) {
        const button = document.createElement('button'),
          number = this.buttons.length;
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
    this.onHide = () => {
      if ((document.hidden || this.narrow()) && this.onset !== null) this.hidden = true;
    };
    document.addEventListener('keydown', this.onKey);
    document.addEventListener('visibilitychange', this.onHide);
    window.addEventListener('resize', this.onHide);
  }

  // In a window too small for the images, none are shown and none are answered.
  narrow() {
    return getComputedStyle(this.root.querySelector('.stage')).display === 'none';
  }

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
      for (let cell = 0; cell < 9; cell += 1)
        this.images[2 + 9 * number + cell].alt = `${words[side]} ${cell + 1}`;
    });
    this.buttons.forEach((button, number) => {
      button.title = words.keys[number];
      button.setAttribute('aria-label', words.answers[number]);
    });
  }

  later(from, milliseconds, what) {
    const id = this.id;
    const go = () => {
      if (this.id === id) what();
    };
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
    const rgb = (getComputedStyle(this.root).color.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
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
    question.replaceChildren(
      ...data.question.map(([element, text]) => {
        const span = document.createElement(element);
        span.textContent = text;
        return span;
      }),
    );
    this.root.setAttribute('aria-label', [data.label, data.count].join(' '));
    hint.hidden = false;
    go.hidden = true;
    said.textContent = '';
    said.className = 'said';
    for (const query of this.queries) query.className = query.className.replace(/ (chosen|good|bad)/g, '');
    for (const button of this.buttons) button.classList.remove('chosen');
    this.home();
    await Promise.allSettled(
      this.images.map((image, number) => {
        image.src = data.images[number];
        return image.decode();
      }),
    );
    if (this.id !== id) return;
    for (const image of this.images)
      image.classList.toggle('small', Math.max(image.naturalWidth, image.naturalHeight) <= 112);
    this.set(this.verdict ? 'answered' : 'locked');
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (this.id !== id || this.verdict) return;
        this.onset = performance.now();
        this.load = this.onset - came;
        this.hidden = this.narrow();
        this.later(this.onset, data.lock, () => {
          if (this.answered === null) this.set('open');
        });
      }),
    );
  }

  key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const target = event.composedPath()[0];
    if (
      !(target instanceof Element) ||
      target.closest('input, textarea, select, [contenteditable], [role=dialog]')
    )
      return;
    if (event.key === 'Enter') {
      const ours = this.root.contains(target);
      if (this.parts.go.hidden || (!ours && target.closest('button, a, summary, [role=button]'))) return;
      event.preventDefault();
      this.goOn();
      return;
    }
    const digit = /^[1-6]$/.test(event.key)
      ? event.key
      : (/^(?:Digit|Numpad)([1-6])$/.exec(event.code) || [])[1];
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
      nonce: this.data.nonce,
      button,
      rt: now - this.onset,
      load: this.load,
      hidden: this.hidden,
    };
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
      this.later(answered, feedbackAfter, () => {
        if (continues) this.goOn();
      });
      return;
    }
    this.later(answered, feedbackAfter, () => {
      const name = verdict.right ? 'good' : 'bad',
        sign = verdict.right ? '✓' : '✗';
      said.className = `said ${name}`;
      said.textContent = this.words[name];
      if (this.chosen) {
        this.chosen.classList.add(name);
        this.chosen.querySelector('.mark').textContent = sign;
      }
      if (verdict.score !== null) score.textContent = verdict.score;
    });
    if (continues)
      this.later(answered, continueAfter, () => {
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
  return () => {
    root.lexplainTrial.end();
    delete root.lexplainTrial;
  };
}
