package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '4ffb2b1ebc3675d9aa91caeab5c950ee0e69b43969454681db93dd0ca80cf055'
  static final String JOBS_SUM = 'aaee98ce199d2c0b289c58140e348834d91b629d452141cc9d17840494874f02'

  private static final long serialVersionUID = 1L
}
