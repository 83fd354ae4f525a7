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

/** What the reader writes; empty where they close it. */
export function written(title: string): Promise<string> {
  return new Promise((resolve) => {
    wx.showModal({
      title,
      editable: true,
      confirmText: t("yes"),
      cancelText: t("no"),
      success: (answer) => { resolve(answer.confirm ? (answer.content ?? "").trim() : ""); },
      fail: () => { resolve(""); },
    });
  });
}

/** The place of the chosen one; -1 for none. */
export function chosen(itemList: string[]): Promise<number> {
  return new Promise((resolve) => {
    wx.showActionSheet({ itemList, success: (answer) => { resolve(answer.tapIndex); }, fail: () => { resolve(-1); } });
  });
}

/** The text of a code before the camera. Raises: Refused. */
export function scanned(): Promise<string> {
  return new Promise((resolve, reject) => {
    wx.scanCode({
      onlyFromCamera: true,
      scanType: ["qrCode"],
      success: (found) => { resolve(found.result); },
      fail: () => { reject(new Refused(0, "not_scanned", t("scan_failed"))); },
    });
  });
}
