#!/usr/bin/env node
/** What npm links as `chain`: starts the command line as it was built. */
import { loaderOf } from './code-cache.ts';

loaderOf(import.meta.dirname)('main.js');
