/** What the site's pages load: the laboratory, in every element of class em-laboratory. */

import * as data from './data.js';
import * as em from './em.js';
import * as explain from './explain.js';
import * as growth from './growth.js';
import * as python from './python.js';
import * as scenes from './scenes.js';
import * as share from './share.js';
import * as starts from './starts.js';
import * as states from './states.js';
import * as stopping from './stopping.js';
import { mountLaboratory } from './view/mount.js';

// For the tests, and for readers who open their browser's console.
globalThis.emLaboratory = {
  ...data,
  ...em,
  ...explain,
  ...growth,
  ...python,
  ...scenes,
  ...share,
  ...starts,
  ...states,
  ...stopping,
  mountLaboratory,
};

for (const element of document.querySelectorAll('.em-laboratory')) {
  const { scene, compact, home } = element.dataset;
  mountLaboratory(element, { scene, compact: compact !== undefined, home });
}
