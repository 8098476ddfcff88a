// Who asks for less motion gets clips that wait for a click.
if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
  for (const video of document.querySelectorAll("video")) {
    video.autoplay = false;
    video.controls = true;
    video.pause();
  }
}
