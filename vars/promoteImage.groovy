import podwright.Bridge

/**
 * Copies images to another repository or registry as they are, by digest and without a rebuild.
 *
 * @param given what to copy, by name: the parameters are listed in promoteImage.txt
 * @return what is there now, as a map; with images: a list of maps
 */
Object call(Object... given) {
  return new Bridge(this, 'promoteImage').command('promote', given, 'image')
}
