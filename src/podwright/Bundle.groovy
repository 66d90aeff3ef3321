package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '983800979d8c36edbb4be0d6ac533bad9056b3401d2da002ebd4b7806455d28c'
  static final String JOBS_SUM = '760b4ea1243379e99071745dc76ea2759e651c794004db2bffae06d9a9ab2939'

  private static final long serialVersionUID = 1L
}
