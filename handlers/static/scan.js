// 签到: the camera opens by itself where the reader has something to scan and may be asked. Without a camera, without its permission and at
// a desk the digits are typed at once. The code is a link of this site.
"use strict";

(async () => {
  const box = document.getElementById("scan"), field = document.getElementById("digits");
  if (!box) return;
  const [start, finder, video, torch, said] = ["#scan-start", ".viewfinder", "video", "#torch", "#scan-said"].map((name) => box.querySelector(name));
  const at_desk = matchMedia("(hover: hover) and (pointer: fine)").matches;
  const focus = () => { if (field) field.focus(); };
  const media = navigator.mediaDevices;
  const devices = media && media.getUserMedia ? await media.enumerateDevices().catch(() => []) : [];
  if (!devices.some((device) => device.kind === "videoinput")) return focus();
  box.hidden = false;

  async function detector() {
    const has = "BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
    const Detector = has ? BarcodeDetector : (await import(box.dataset.decoder)).BarcodeDetector;
    return new Detector({ formats: ["qr_code"] });
  }

  function close() {
    if (video.srcObject) for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
    finder.hidden = true;
  }

  function fail(words) {
    close();
    start.hidden = false;
    said.textContent = words;
    focus();
  }

  async function open() {
    start.hidden = true;
    said.textContent = _("正在打开相机…");
    let codes;
    try {
      video.srcObject = await media.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } } });
      finder.hidden = false;
      await video.play();
    } catch {
      return fail(field ? _("没有打开相机。请允许使用相机，或输入屏幕上的六位数字。") : _("没有打开相机。请允许使用相机，或用微信“扫一扫”。"));
    }
    const [track] = video.srcObject.getVideoTracks();
    torch.hidden = !(track.getCapabilities && track.getCapabilities().torch);
    try {
      codes = await detector();
    } catch {
      return fail(_("网络不通，没有准备好扫码，请再试一次。"));
    }
    said.textContent = _("请对准二维码");
    look(codes, document.createElement("canvas"));
  }

  async function look(codes, picture) {
    if (!video.srcObject) return;
    const scale = Math.min(1, 1280 / Math.max(video.videoWidth, video.videoHeight));
    picture.width = video.videoWidth * scale;
    picture.height = video.videoHeight * scale;
    picture.getContext("2d", { willReadFrequently: true }).drawImage(video, 0, 0, picture.width, picture.height);
    for (const code of await codes.detect(picture).catch(() => [])) {
      if (followed(code.rawValue)) return;
      said.textContent = _("这不是选座机、查询机、座位或房间的签到码");
    }
    setTimeout(look, 150, codes, picture);
  }

  function followed(text) {
    let link;
    try {
      link = new URL(text);
    } catch {
      return false;
    }
    if (link.origin !== location.origin || !/^\/[ks]\//.test(link.pathname)) return false;
    close();
    said.textContent = _("正在打开签到页…");
    location.href = link.href;
    return true;
  }

  start.addEventListener("click", open);
  torch.addEventListener("click", async () => {
    const on = torch.getAttribute("aria-pressed") !== "true";
    await video.srcObject.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] }).catch(() => {});
    torch.setAttribute("aria-pressed", on);
  });
  const permission = navigator.permissions ? await navigator.permissions.query({ name: "camera" }).then((asked) => asked.state, () => "") : "";
  if ("due" in box.dataset && !at_desk && /granted|prompt/.test(permission)) open();
  else if (at_desk || permission === "denied") focus();
})();
