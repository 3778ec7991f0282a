// Sliders beside the number fields of a plan's stages: each follows the other. Without this there are the fields alone.
for (const slider of document.querySelectorAll("input[type=range][data-for]")) {
  const field = document.getElementById(slider.dataset.for);
  slider.hidden = false;
  slider.addEventListener("input", () => {
    field.value = Number(slider.value) ? slider.value : "";
  });
  field.addEventListener("input", () => {
    slider.value = field.value || 0;
  });
}
