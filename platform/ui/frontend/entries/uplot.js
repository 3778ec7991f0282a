// uPlot as it is: a canvas that draws series over time. What charts look like is static/ui/charts.js.
export { default } from "uplot";
