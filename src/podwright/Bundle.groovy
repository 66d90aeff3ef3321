package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '6ce1f98c4766f03189904be8bebd7cfb9ecd43776d965c16a90bfccef4b59460'
  static final String JOBS_SUM = 'aaee98ce199d2c0b289c58140e348834d91b629d452141cc9d17840494874f02'

  private static final long serialVersionUID = 1L
}
