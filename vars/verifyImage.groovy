import podwright.Bridge

/**
 * Verifies that an image was signed by those who are trusted.
 *
 * @param given which image and what of it, by name: the parameters are listed in verifyImage.txt
 * @return the reference by digest that was verified, and what, as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'verifyImage').command('verify', given, 'image')
}
