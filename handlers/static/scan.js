// Scanning by the browser's own detector, where it has one. The code is a link of this site.
"use strict";

(async () => {
  const box = document.getElementById("scan");
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  if (!(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return;
  box.hidden = false;
  const video = document.getElementById("scan-video"), said = document.getElementById("scan-said");
  document.getElementById("scan-start").addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      said.textContent = _("没有打开相机。请允许使用相机，或用系统相机、微信扫码。");
      return;
    }
    video.hidden = false;
    await video.play();
    said.textContent = _("请对准二维码");
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    const look = async () => {
      for (const code of await detector.detect(video)) {
        const link = URL.parse ? URL.parse(code.rawValue) : null;
        if (link?.origin === location.origin && /^\/[ks]\//.test(link.pathname)) {
          location.href = link.href;
          return;
        }
        said.textContent = _("这不是选座机、查询机或座位上的签到码");
      }
      setTimeout(look, 200);
    };
    look();
  });
})();
