// WeChat's dialogues as promises. None of them fails: a reader who closes one has thought better of it.

import { Refused } from "../api/client";
import { t } from "./texts";

export function agreed(content: string): Promise<boolean> {
  return new Promise((resolve) => {
    wx.showModal({
      content,
      confirmText: t("yes"),
      cancelText: t("no"),
      success: (answer) => { resolve(answer.confirm); },
      fail: () => { resolve(false); },
    });
  });
}

/** What the reader writes; empty where they close it. `draft` is there to go on with. */
export function written(title: string, hint: string, draft = ""): Promise<string> {
  return new Promise((resolve) => {
    wx.showModal({
      title,
      content: draft,
      editable: true,
      placeholderText: hint,
      confirmText: t("yes"),
      cancelText: t("no"),
      success: (answer) => { resolve(answer.confirm ? (answer.content ?? "").trim() : ""); },
      fail: () => { resolve(""); },
    });
  });
}

/** WeChat shows no more at once. */
const MOST_CHOICES = 6;

/** The place of the chosen one; -1 for none. */
export async function chosen(choices: string[], from = 0): Promise<number> {
  const rest = choices.slice(from);
  const shown = rest.length > MOST_CHOICES ? [...rest.slice(0, MOST_CHOICES - 1), t("more_choices")] : rest;
  const place = await new Promise<number>((resolve) => {
    wx.showActionSheet({ itemList: shown, success: (answer) => { resolve(answer.tapIndex); }, fail: () => { resolve(-1); } });
  });
  if (shown.length < rest.length && place === MOST_CHOICES - 1) return chosen(choices, from + MOST_CHOICES - 1);
  return place < 0 ? -1 : from + place;
}

/** Whether WeChat refuses because the reader has not agreed to the privacy guide (104), or the guide does not name it (112). */
function isPrivate(error: WechatMiniprogram.GeneralCallbackResult & { errno?: number }): boolean {
  return error.errno === 104 || error.errno === 112 || /privacy/.test(error.errMsg);
}

/** Says why, and where the guide can be read and agreed to. */
async function explain(instead: string): Promise<void> {
  if (await agreed(t("privacy_refused", { instead }))) wx.navigateTo({ url: "/pages/privacy/privacy" });
}

/** Puts an address where another program can take it from. */
export function copy(data: string): void {
  wx.setClipboardData({
    data,
    success: () => { wx.showToast({ title: t("bind_copied") }); },
    fail: (error) => {
      if (isPrivate(error)) void explain(t("bind_copy_failed"));
      else wx.showToast({ title: t("bind_copy_failed"), icon: "none" });
    },
  });
}

/** The text of a code before the camera; empty where the reader closes it. Raises: Refused, with those words where the
 * camera finds none. */
export function scanned(failed: string): Promise<string> {
  return new Promise((resolve, reject) => {
    wx.scanCode({
      onlyFromCamera: true,
      scanType: ["qrCode"],
      success: (found) => { resolve(found.result); },
      fail: (error) => {
        if (/cancel/.test(error.errMsg)) resolve("");
        else if (isPrivate(error)) reject(new Refused(0, "privacy", t("privacy_refused_scan")));
        else reject(new Refused(0, "not_scanned", failed));
      },
    });
  });
}
