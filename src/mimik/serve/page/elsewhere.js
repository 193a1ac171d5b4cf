// What the page says of places is true where Mimik runs on the reader's own computer; elsewhere it says something else.

/** Whether Mimik runs on the computer that this browser runs on. */
export const near = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);

const ELSEWHERE = {
  "The picture stays on this machine.": "The picture goes to the computer that runs Mimik.",
  "It goes to the Mimik program on this computer and nowhere else.": "This page sends it to its own server and nowhere else.",
  "Pictures and readings are gone once they have been shown. Only if you press Record later are numbers kept, on this computer.":
    "Pictures and readings are gone once they have been shown. Only if you press Record later are numbers kept, on the server.",
  "Whoever started Mimik asked for a recording; it is written to a file on this computer.":
    "Whoever started Mimik asked for a recording; it is written to a file on the server.",
  "Videos stay on this machine: Mimik copies them while it reads and deletes the copy. Pictures are read by the command “mimik analyze”, for a session needs time.":
    "Videos go to this Mimik server only: it deletes its copy when it has read it. Pictures are read by the command “mimik analyze”, for a session needs time.",
};

/** A text (English) about places as it is true here. */
export function placed(text) {
  return near ? text : ELSEWHERE[text];
}

/** The same for what stands in the page from the beginning. */
export function placeAll() {
  if (near) return;
  for (const element of document.querySelectorAll("[data-t]")) element.dataset.t = ELSEWHERE[element.dataset.t] ?? element.dataset.t;
}
