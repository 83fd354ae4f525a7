// The picture of the floor under the plan. It is sent at once when a file is chosen; where it lies is
// changed like the plan, can be undone, and is saved by its own button or with the plan.
"use strict";

class FloorPicture {
  static MOST_BYTES = 12 * 1024 * 1024;

  constructor(page, data) {
    this.page = page;
    this.moving = false;
    this.image = document.querySelector("#picture");
    this.panel = document.querySelector("#picture-panel");
    this.known = null; // the server's: version, url, ratio
    this.saved = "";
    this.before = null; // the plan and the place when the slider was taken
    this.take(data);
    this.handle = PlanDrawing.make("rect", { class: "handle", width: 1, height: 1 });
    if (!this.panel) return;
    this.fields = this.panel.querySelector("fieldset");
    this.panel.addEventListener("input", ({ target }) => {
      if (target.name !== "opacity") return;
      this.before ??= page.draft.snapshot();
      page.draft.place.opacity = Number(target.value);
      this.draw();
    });
    this.panel.addEventListener("change", ({ target }) => this.changed(target));
  }
  take(data) {
    const { draft } = this.page;
    this.known = data;
    draft.place = data && { x: data.x, y: data.y, width: data.width, opacity: data.opacity };
    this.saved = JSON.stringify(draft.place);
  }
  differs() {
    return JSON.stringify(this.page.draft.place) !== this.saved;
  }
  changed({ name, value, files }) {
    const { draft } = this.page;
    if (name === "file" && files.length) this.send(files[0]);
    else if (name === "opacity" && this.before) {
      draft.keep(this.before);
      this.before = null;
      this.page.show(_("底图浓淡 {value}%", { value }));
    } else if (["x", "y", "width"].includes(name) && value.trim() !== "") {
      const least = name === "width" ? 1 : -PlanFields.LARGEST;
      const number = Math.max(least, Math.min(Math.round(Number(value)), PlanFields.LARGEST));
      draft.change(_("移动底图"), () => { draft.place[name] = number; });
    }
  }

  // --- showing ------------------------------------------------------------------------------------

  draw() {
    const { image, page: { draft: { place, plan } } } = this;
    if (place) {
      // In percent of the plan: it follows the zoom by itself, and a drag of seats does not paint it.
      const share = (value, of) => `${(100 * value) / of}%`;
      Object.assign(image.style, {
        left: share(place.x, plan.width),
        top: share(place.y, plan.height),
        width: share(place.width, plan.width),
        opacity: place.opacity / 100,
      });
      if (image.getAttribute("src") !== this.known.url) image.src = this.known.url;
    }
    image.hidden = !place || this.hides;
    if (!this.panel) return;
    this.fields.hidden = !place;
    this.panel.querySelector("#picture-new").textContent = place ? _("更换图片") : _("上传图片");
    for (const name of ["x", "y", "width", "opacity"]) {
      const input = this.panel.querySelector(`[name=${name}]`);
      if (input && place) PlanFields.put(input, place[name]);
    }
    const save = this.panel.querySelector("[data-do='save-picture']");
    if (save) save.disabled = !this.differs();
    if (!place && this.moving) this.toggleMoving();
    if (this.moving) this.drawHandle();
  }
  toggleHidden() {
    this.hides = !this.hides;
    this.page.press("hide-picture", this.hides);
    this.draw();
  }
  toggleMoving() {
    if (this.page.row.on) this.page.row.toggle();
    this.moving = !this.moving;
    this.page.press("move-picture", this.moving);
    this.page.drawing.svg.classList.toggle("moving-picture", this.moving);
    if (this.moving) {
      if (this.hides) this.toggleHidden();
      this.drawHandle();
      this.page.drawing.focus();
      this.page.view.viewport.scrollIntoView({ block: "nearest" });
      this.page.say(_("拖动底图，或拖右下角缩放；方向键微调，Esc 结束"));
    } else {
      this.handle.remove();
      this.page.say("");
    }
  }
  height() {
    return this.page.draft.place.width * this.known.ratio;
  }
  drawHandle() {
    const { page: { draft: { place, plan }, view, drawing } } = this;
    const size = 16 / view.unit();
    PlanDrawing.set(this.handle, {
      width: size,
      height: size,
      x: Math.max(0, Math.min(place.x + place.width, plan.width) - size),
      y: Math.max(0, Math.min(place.y + this.height(), plan.height) - size),
    });
    drawing.svg.append(this.handle);
  }

  // --- moving -------------------------------------------------------------------------------------

  grab(event) {
    const { page: { drawing, draft, view } } = this;
    event.preventDefault();
    const start = drawing.at(event);
    const before = draft.snapshot();
    const from = { ...draft.place };
    const grows = event.target === this.handle;
    PlanPointer.follow((to) => {
      const end = drawing.at(to);
      if (grows) {
        const least = 20 / view.unit();
        draft.place.width = Math.round(Math.max(least, Math.min(from.width + end.x - start.x, PlanFields.LARGEST)));
      } else {
        draft.place.x = Math.round(from.x + end.x - start.x);
        draft.place.y = Math.round(from.y + end.y - start.y);
      }
      this.draw();
    }, (cancelled) => {
      if (cancelled) draft.place = from;
      else draft.keep(before);
      this.page.show(cancelled ? "" : (grows ? _("缩放底图") : _("移动底图")));
    });
  }
  nudge(dx, dy) {
    const { draft } = this.page;
    draft.change(_("移动底图"), () => {
      draft.place.x += dx;
      draft.place.y += dy;
    });
  }

  // --- the server ---------------------------------------------------------------------------------

  async send(file) {
    const input = this.panel.querySelector("[name=file]");
    if (file.size > FloorPicture.MOST_BYTES) this.fail(_("图片最大 12 MB，请缩小后再上传"));
    else if (await this.post("", { file }, _("正在上传底图…"))) this.page.show(_("底图已上传"));
    input.value = "";
  }
  async save() {
    const saved = await this.post("/place", this.page.draft.place, _("正在保存底图位置…"));
    if (saved) this.page.show(_("底图位置已保存"));
    return saved;
  }
  async remove() {
    if (!confirm(_("移除底图？读者看不到底图，座位不受影响。"))) return;
    if (await this.post("/remove", {}, _("正在移除底图…"))) this.page.show(_("底图已移除"));
  }
  address(path) {
    return `${this.page.form.dataset.picture}${path}`;
  }
  request(fields) {
    const body = new FormData();
    body.set("csrf", this.page.form.elements.csrf.value);
    body.set("version", this.known?.version ?? "");
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    return { method: "POST", body };
  }
  async post(path, fields, saying) {
    this.fail("");
    this.page.say(saying);
    let answer;
    try {
      const response = await fetch(this.address(path), this.request(fields));
      answer = await response.json();
    } catch {
      answer = { error: _("没有保存。请检查网络，或在另一个标签页重新登录后再试") };
    }
    // Somebody else was faster: theirs is shown in the place that was typed here, to be saved again.
    const typed = answer.error && answer.picture ? this.page.draft.place : null;
    if ("picture" in answer) this.take(answer.picture);
    if (typed) this.page.draft.place = typed;
    if (answer.error) this.page.show("");
    if (answer.error) this.fail(answer.error);
    return !answer.error;
  }
  fail(words) {
    this.panel.querySelector("#picture-wrong").textContent = words;
    if (words) this.page.say("");
  }
}
