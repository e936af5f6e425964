import { defineConfig } from 'vite'
import { thirdParty } from './licences.ts'

/** Built into the Python package, which serves it; every address is relative to the site's root. */
export default defineConfig({
  base: '/',
  // the image library can also read Zarr stores; their WebAssembly decoders are of no use here and stay out of the bundle
  resolve: { alias: [{ find: /^numcodecs\/(blosc|lz4|zstd)$/, replacement: new URL('./src/view/absent.ts', import.meta.url).pathname }] },
  plugins: [thirdParty()],
  build: {
    outDir: '../src/glisson/serve/assets',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
  },
  server: { proxy: { '/api': process.env['GLISSON_API'] ?? 'http://127.0.0.1:8470' } },
})
