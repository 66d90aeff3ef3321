import podwright.Bridge

/**
 * Attaches SBOMs, provenance and signatures to an image that was pushed.
 *
 * @param given which image and what of it, by name: the parameters are listed in attestImage.txt
 * @return digests of what was attached, as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'attestImage').command('attest', given, 'image')
}
