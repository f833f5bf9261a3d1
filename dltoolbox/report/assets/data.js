"use strict";
// What the page is made of: its data, its state, and elements.

const { analysis, drawing: flat, blocks, kinds, batch: firstBatch } = JSON.parse(byId("data").textContent);
const layers = analysis.layers;
const connections = analysis.connections;
const byName = new Map(layers.map((layer) => [layer.name, layer.index]));
const timed = layers.some((layer) => [...layer.inputs, ...layer.outputs].some(({ dims }) => dims
  && dims.labels.split("").some((label, i) => label === "T" && dims.sizes[i] === null)));
const OBSERVATION = timed ? "time step" : "observation"; // what costs are counted for
let selected = 0; // index of the layer, counted from 1; 0 for none
let selectedBlock = -1; // number of the block, -1 for none; never together with a layer
let batch = firstBatch;

// Connections per layer, by position in the list of connections.
const entering = layers.map(() => []);
const leaving = layers.map(() => []);
connections.forEach((one, i) => {
  leaving[byName.get(one.source) - 1].push(i);
  entering[byName.get(one.destination) - 1].push(i);
});

function byId(id) {
  return document.getElementById(id);
}

/** An element with attributes and children; text children are never read as HTML. */
function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
function shape(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(3).filter((child) => ![null, undefined, "", false].includes(child)));
  return element;
}

/** A choice that the browser remembers, where it may: ``value`` is kept, null forgets it. */
function stored(name, value) {
  try {
    if (value === null) localStorage.removeItem(`dltoolbox-${name}`);
    else if (value !== undefined) localStorage.setItem(`dltoolbox-${name}`, value);
    return localStorage.getItem(`dltoolbox-${name}`);
  } catch {
    return null; // files and frames may have no memory
  }
}
