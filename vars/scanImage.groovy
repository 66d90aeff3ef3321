import podwright.Bridge

/**
 * Scans an image or an OCI archive for known vulnerabilities, and fails by a threshold.
 *
 * @param given which image and what of it, by name: the parameters are listed in scanImage.txt
 * @return what was found, as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'scanImage').command('scan', given, 'image')
}
